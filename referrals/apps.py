"""The app's start: every module that declares acts is imported, and their tables are made."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "referrals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import log_vocabulary
        from referrals import (  # noqa: F401  (each declares its acts)
            accounting,
            act_registry,
            blocks,
            codes,
            endings,
            holds,
            mistakes,
            notes,
            own,
            packets,
            papers,
            recipient,
            records,
            returning,
            revocation,
            sender,
            staff,
            warm,
        )

        act_registry.complete()
        log_vocabulary.register(
            acts=(
                *(f"referral.{act}" for act in act_registry.ACTS),
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
