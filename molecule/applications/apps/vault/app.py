"""One secret as a file, one as an environment variable, as libraries for databases read it."""

import hashlib
import os
import pathlib

from flask import Flask

VERSION = "1"
app = Flask(__name__)
DATABASE_URL = os.environ["DATABASE_URL"]


@app.get("/")
def index():
    return f"vault {VERSION}\n"


@app.get("/secrets")
def secrets():
    """Only whether they are known."""
    key = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], "FILE_KEY").read_text()
    return [hashlib.sha256(secret.encode()).hexdigest() for secret in (key, DATABASE_URL)]
