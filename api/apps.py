import threading

from django import db
from django.apps import AppConfig
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started


class ApiConfig(AppConfig):
    name = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions

        actions.register(acts=("api.authenticate", "desk.open"))
        # Django looks through the connections of every alias as a request begins and again as it
        # ends. Once is enough for those that are kept, and their queries are never counted here.
        request_started.disconnect(db.close_old_connections)
        request_started.disconnect(db.reset_queries)
        # The cache is a table and holds nothing open; no request has addresses of its own.
        request_finished.disconnect(close_caches)
        request_finished.disconnect(reset_urlconf)
        # Where a thread's connections are kept. Django's own place for them asks at each look
        # whether an event loop runs: none does here, and without one it is the same.
        db.connections._connections = threading.local()
