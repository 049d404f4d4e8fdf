from flask import Blueprint

from counter import VERSION
from counter.extensions import redis
from counter.page.tasks import count

page = Blueprint("page", __name__)


@page.get("/")
def home():
    return f"counter {VERSION}\n"


@page.get("/count")
def show():
    return [redis.client.get("count"), redis.client.get("counted by")]


@page.post("/count")
def add():
    count.delay(1)
    return "queued\n", 202


@page.get("/up")
def up():
    redis.client.ping()
    return ""
