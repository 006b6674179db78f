"""The app's start: its system checks, and the log's months after each migration."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

MONTHS_AHEAD = 24


class PermissionsConfig(AppConfig):
    name = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import checks  # noqa: F401  (registers them)

        post_migrate.connect(_after_migrate, sender=self)


def _after_migrate(using: str, **_: Any) -> None:
    if using == "owner":
        add_log_partitions(using)


def add_log_partitions(using: str) -> None:
    """Partitions of the access log for the months to come, as the owner. Twice is safe.

    A month without one falls into the default partition: nothing is lost.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('sec.add_log_partitions(int)') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT sec.add_log_partitions(%s)", [MONTHS_AHEAD])
