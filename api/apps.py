from django import db
from django.apps import AppConfig
from django.core.signals import request_started


class ApiConfig(AppConfig):
    name = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Django looks through the connections of every alias as a request begins and again as it
        # ends. Once is enough for those that are kept, and their queries are never counted here.
        request_started.disconnect(db.close_old_connections)
        request_started.disconnect(db.reset_queries)
