"""Pictures that visitors bring. A worker makes a thumbnail of each."""

import os
import pathlib
import time

from flask import Flask, request

VERSION = "1"
app = Flask(__name__)
UPLOADS = pathlib.Path(app.static_folder, "uploads")


@app.get("/")
def index():
    return f"gallery {VERSION}\n"


@app.put("/pictures/<name>")
def upload(name):
    (UPLOADS / name).write_bytes(request.get_data())
    return "stored\n", 201


@app.cli.command("prepare")
def prepare():
    with open(os.path.join(os.environ["STATE_DIRECTORY"], "prepared"), "a") as file:
        file.write(f"for {VERSION}\n")


@app.cli.command("work")
def work():
    while True:
        for picture in UPLOADS.glob("*.png"):
            thumbnail = picture.with_suffix(".thumbnail")
            if not thumbnail.exists():
                thumbnail.write_bytes(b"small " + picture.read_bytes())
        time.sleep(0.2)
