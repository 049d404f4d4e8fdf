"""An instance metadata service, version 2: it gives a token, and for this token the instance id argv[1]."""

import http.server
import sys


class Metadata(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        known = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self.answer(200 if known else 400, "secret-token" if known else "")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "secret-token":
            self.answer(401)
        elif self.path == "/latest/meta-data/instance-id":
            self.answer(200, sys.argv[1])
        else:
            self.answer(404)


http.server.HTTPServer(("127.0.0.1", 1338), Metadata).serve_forever()
