from flask import session
from flask_socketio import emit, join_room

from .. import VERSION, socketio


@socketio.on("joined", namespace="/chat")
def joined(message):
    session.update(name=message["name"], room=message["room"])
    join_room(message["room"])
    emit("status", {"msg": f"{message['name']} has entered the room of version {VERSION}."}, to=message["room"])


@socketio.on("text", namespace="/chat")
def text(message):
    emit("message", {"msg": f"{session['name']}: {message['msg']}"}, to=session["room"])
