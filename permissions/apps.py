"""The app's start: its system checks, and the SQL that its vocabulary makes."""

from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    name = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import checks  # noqa: F401  (registers them)
