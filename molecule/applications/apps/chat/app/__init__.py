"""A chat in rooms, over Socket.IO."""

from flask import Flask
from flask_socketio import SocketIO

VERSION = "1"
socketio = SocketIO()


def create_app(debug=False):
    app = Flask(__name__)
    app.debug = debug
    app.config["SECRET_KEY"] = "dev"

    from .main import main as main_blueprint

    app.register_blueprint(main_blueprint)
    socketio.init_app(app)
    return app
