from .. import VERSION
from . import main


@main.route("/")
def index():
    return f"chat {VERSION}\n"
