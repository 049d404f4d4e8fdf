import os

SECRET_KEY = os.environ["SECRET_KEY"]
REDIS_URL = os.getenv("REDIS_URL", "redis://redis:6379/0")
CELERY_CONFIG = {
    "broker_url": REDIS_URL,
    "result_backend": REDIS_URL,
    "include": ["counter.page.tasks"],
}
