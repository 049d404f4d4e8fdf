from flask import Flask

VERSION = "1"
app = Flask(__name__)


@app.get("/")
def index():
    return f"greeter {VERSION}\n"
