"""The shop's pages."""

import hashlib
import os
import pathlib
import sys
import time

import markdown
from flask import Flask, request

VERSION = "1"


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return f"shop {VERSION}\n"

    @app.get("/healthz")
    def health():
        return "well\n"

    @app.get("/about")
    def about():
        return markdown.markdown(os.environ["SHOP_NAME"])

    @app.get("/client")
    def client():
        return f"{request.remote_addr} {request.scheme}\n"

    @app.get("/key")
    def key():
        """Return only whether the secret is known."""
        secret = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], "SHOP_KEY").read_bytes()
        return hashlib.sha256(secret).hexdigest() + "\n"

    @app.route("/slow", methods=["GET", "POST"])
    def slow():
        sys.stdout.write("slow begins\n")  # print() writes the line break separately: lines of two threads would mix
        time.sleep(float(request.args["seconds"]))
        return "slept\n"

    return app
