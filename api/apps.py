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
        # Django checks the connections of every alias when a request begins and again when it
        # ends. Once is enough for persistent ones, and nothing here reads the query log.
        request_started.disconnect(db.close_old_connections)
        request_started.disconnect(db.reset_queries)
        # The cache is a table and holds nothing open; no request sets its own URLconf.
        request_finished.disconnect(close_caches)
        request_finished.disconnect(reset_urlconf)
        # Keep a thread's connections in a plain thread-local. Django's own checks at each access
        # whether an event loop runs; none does here, and without one they behave the same.
        db.connections._connections = threading.local()
