"""Notes in SQLite. flask-migrate makes and changes the tables."""

from flask import Flask, request
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

VERSION = "1"
db = SQLAlchemy()


class Note(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    text = db.Column(db.String, nullable=False)


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///notes.sqlite"  # in the folder instance
    db.init_app(app)
    Migrate(app, db)

    @app.get("/")
    def index():
        return f"notes {VERSION}\n"

    @app.get("/notes")
    def notes():
        return [note.text for note in Note.query]

    @app.post("/notes")
    def add():
        db.session.add(Note(text=request.get_data(as_text=True)))
        db.session.commit()
        return "added\n", 201

    @app.get("/revision")
    def revision():
        return db.session.execute(db.text("SELECT version_num FROM alembic_version")).scalar()

    return app
