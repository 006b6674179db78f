"""The app's startup: it registers its system checks and the SQL made from its vocabulary."""

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
        """Begin the key store for a new database; only the first migration calls this, since it is
        never begun again (KeyStore.begin). Migrations import no module that may move."""
        from permissions.keys.keystore import key_store

        key_store().begin()
