"""A blog with migrations, whose database and log are files beside the code."""

import logging
import os
from logging.handlers import RotatingFileHandler

from config import Config
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

VERSION = "1"
db = SQLAlchemy()
migrate = Migrate()


def create_app(config_class=Config):
    app = Flask(__name__)
    app.config.from_object(config_class)
    db.init_app(app)
    migrate.init_app(app, db)

    from app.main import bp as main_bp

    app.register_blueprint(main_bp)

    if not app.debug and not app.testing:
        if app.config["LOG_TO_STDOUT"]:
            handler = logging.StreamHandler()
        else:
            if not os.path.exists("logs"):
                os.mkdir("logs")
            handler = RotatingFileHandler("logs/microblog.log", maxBytes=10240, backupCount=10)
        handler.setLevel(logging.INFO)
        app.logger.addHandler(handler)
        app.logger.setLevel(logging.INFO)
        app.logger.info("Microblog startup")
    return app


from app import models  # noqa: E402, F401
