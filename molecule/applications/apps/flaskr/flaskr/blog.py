from flask import Blueprint, abort, redirect, render_template, request, session, url_for

from flaskr.db import get_db

bp = Blueprint("blog", __name__)


@bp.route("/")
def index():
    posts = get_db().execute("SELECT title, username FROM post JOIN user ON author_id = user.id ORDER BY post.id")
    return render_template("blog/index.html", posts=posts.fetchall())


@bp.route("/create", methods=["POST"])
def create():
    if "user_id" not in session:
        abort(403)
    db = get_db()
    db.execute("INSERT INTO post (title, author_id) VALUES (?, ?)", (request.form["title"], session["user_id"]))
    db.commit()
    return redirect(url_for("blog.index"))
