"""The app's startup: it registers its system checks and the SQL made from its vocabulary."""

from collections.abc import Iterable
from uuid import UUID

from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    name = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions
        from permissions.card import card_rows
        from permissions.database import (
            checks,  # noqa: F401  (registers them)
            schema,
        )
        from permissions.enrollment import registered_numbers
        from permissions.health import deployment_checks, key_checks  # noqa: F401  (registers)
        from permissions.identity import row_macs
        from permissions.recovery import applying, bound_rows, closing_columns

        schema.generate("permissions/log_vocabulary", actions.functions)
        closing_columns.register_own()
        schema.generate("permissions/closing_triggers", closing_columns.triggers, last=True)
        row_macs.bind_when_saved()
        applying.also_apply(bound_rows.rebind)
        row_macs.also_bind(registered_numbers.rebind)
        row_macs.also_bind(card_rows.rebind)

    def begin_key_store(self) -> None:
        """Begin the key store for a new database; only the first migration calls this, since it is
        never begun again (KeyStore.begin). Migrations import no module that may move."""
        from permissions.keys.keystore import key_store

        key_store().begin()

    def begin_binding(self) -> None:
        """Begin the key that binds rows and the journal of closings; the migration that needs them
        calls this, once for a database."""
        from permissions.keys import binding_key, closings

        binding_key.begin()
        closings.begin()

    def remember_members(self, agency_ids: Iterable[UUID]) -> None:
        """Keep in the journal of closings that these agencies have had a member. A migration calls
        this, once for a database."""
        from permissions.enrollment import invitation_rows as rows
        from permissions.keys import closings

        closings.close((rows.agency_subject(one), rows.HAD_A_MEMBER) for one in agency_ids)
