from flask import current_app, request

from app import VERSION, db
from app.main import bp
from app.models import Post


@bp.route("/")
def index():
    return f"microblog {VERSION}\n"


@bp.route("/explore")
def explore():
    return [post.body for post in Post.query.order_by(Post.id)]


@bp.route("/post", methods=["POST"])
def post():
    db.session.add(Post(body=request.form["post"]))
    db.session.commit()
    current_app.logger.info("posted with %s", VERSION)
    return "Your post is now live!\n"
