from celery import shared_task

from counter import VERSION
from counter.extensions import redis


@shared_task
def count(step):
    redis.client.incrby("count", step)
    redis.client.set("counted by", VERSION)
