"""The app's start: its system checks, and the SQL that its vocabulary makes."""

from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    name = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import (
            checks,  # noqa: F401  (registers them)
            log_vocabulary,
        )
        from permissions.database import schema

        schema.generate("permissions/log_vocabulary", log_vocabulary.functions)

    def begin_key_store(self) -> None:
        """For the first migration: a new database begins the key store, which is never begun again
        (KeyStore.begin). Migrations import no module that may move."""
        from permissions.keystore import key_store

        key_store().begin()
