"""The app's start: its system checks, and the SQL that its vocabulary makes."""

from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    name = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions
        from permissions.database import (
            checks,  # noqa: F401  (registers them)
            schema,
        )

        schema.generate("permissions/log_vocabulary", actions.functions)

    def begin_key_store(self) -> None:
        """For the first migration: a new database begins the key store, which is never begun again
        (KeyStore.begin). Migrations import no module that may move."""
        from permissions.keys.keystore import key_store

        key_store().begin()
