"""Shows what reaches an application through nginx."""

import time

from flask import Flask, Response, request, url_for

app = Flask(__name__)


@app.get("/")
def index():
    return "The shop\n"


@app.get("/seen")
def seen():
    """What the application believes about its client, and each header that came."""
    return {
        "client": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "url": url_for("index", _external=True),
        "headers": dict(request.headers),
    }


@app.post("/upload")
def upload():
    return {"bytes": len(request.get_data())}


@app.get("/events")
def events():
    def each():
        for number in range(5):
            yield f"data: {number}\n\n"
            time.sleep(0.5)

    return Response(each(), content_type="text/event-stream")
