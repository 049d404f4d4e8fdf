from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from flaskr.db import get_db

bp = Blueprint("auth", __name__, url_prefix="/auth")


@bp.route("/register", methods=["POST"])
def register():
    db = get_db()
    db.execute(
        "INSERT INTO user (username, password) VALUES (?, ?)",
        (request.form["username"], generate_password_hash(request.form["password"])),
    )
    db.commit()
    return "registered\n"


@bp.route("/login", methods=["POST"])
def login():
    user = get_db().execute("SELECT * FROM user WHERE username = ?", (request.form["username"],)).fetchone()
    if user is None or not check_password_hash(user["password"], request.form["password"]):
        abort(403)
    session.clear()
    session["user_id"] = user["id"]
    return redirect(url_for("index"))
