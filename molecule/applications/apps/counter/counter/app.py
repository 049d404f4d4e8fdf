"""A page that counts in Redis. A worker of Celery adds to the count."""

from celery import Celery, Task
from flask import Flask

from counter.extensions import redis
from counter.page.views import page


def create_celery_app(app=None):
    app = app or create_app()

    class FlaskTask(Task):
        def __call__(self, *args, **kwargs):
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery(app.import_name, task_cls=FlaskTask)
    celery.conf.update(app.config["CELERY_CONFIG"])
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def create_app(settings_override=None):
    app = Flask(__name__)
    app.config.from_object("config.settings")
    if settings_override:
        app.config.update(settings_override)
    redis.init_app(app)
    app.register_blueprint(page)
    return app


celery_app = create_celery_app()
