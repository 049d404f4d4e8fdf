"""Passwords, with a library that is compiled code."""

import bcrypt
from flask import Flask, request

VERSION = "1"
app = Flask(__name__)


@app.get("/")
def index():
    return f"login {VERSION}\n"


@app.post("/check")
def check():
    password = request.get_data()
    return f"{bcrypt.checkpw(password, bcrypt.hashpw(password, bcrypt.gensalt(4)))}\n"
