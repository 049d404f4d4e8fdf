"""Server-sent events and a WebSocket."""

import time

from flask import Flask, request
from flask_sock import Sock

VERSION = "1"
app = Flask(__name__)
sock = Sock(app)


@app.get("/")
def index():
    return f"ticker {VERSION}\n"


@app.get("/events")
def events():
    count = int(request.args["count"])

    def stream():
        for number in range(count):
            yield f"data: {VERSION} {number}\n\n"
            time.sleep(0.25)

    return app.response_class(stream(), mimetype="text/event-stream")


@sock.route("/echo")
def echo(socket):
    while True:
        socket.send(f"{VERSION} {socket.receive()}")
