"""The app's start: imports every module that declares acts, and builds their tables."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "referrals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions
        from referrals import accounting, codes  # noqa: F401  (each declares its acts)
        from referrals.act_registry import registry
        from referrals.acts import (  # noqa: F401  (each declares its acts)
            assignment,
            conflict_blocks,
            endings,
            entered_in_error,
            handoff,
            legal_holds,
            legal_records,
            private_records,
            recipient,
            return_releases,
            sender,
        )
        from referrals.packets import notes, packet  # noqa: F401  (each declares its acts)
        from referrals.releases import lifecycle, revocation  # noqa: F401  (each declares its acts)

        registry.complete()
        actions.register(
            acts=(
                *(f"referral.{act}" for act in registry.ACTS),
                *("referral.list", "referral.read", "referral.history", "referral.self_assign"),
                *("referral.read_releases", "referral.read_returned", "referral.purge"),
                *("agreement.decline", "agreement.read", "call_record.create", "call_record.list"),
                *("mistakes.read", "barred_attempts.read", "self_assignments.read"),
                *("messages.read", "message.retry", "event.list", "webhook.list", "webhook.read"),
                *("webhook.deliveries", "webhook.create", "webhook.change", "webhook.rotate"),
                *("webhook.ping", "webhook.replay", "webhook.remove", "webhook.send"),
            ),
            uses=codes.PURPOSE,
            purposes=codes.RELEASE_PURPOSE,
            self_assignment="referral.self_assign",
        )
