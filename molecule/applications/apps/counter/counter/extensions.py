from redis import Redis


class FlaskRedis:
    def init_app(self, app):
        self.client = Redis.from_url(app.config["REDIS_URL"], decode_responses=True)


redis = FlaskRedis()
