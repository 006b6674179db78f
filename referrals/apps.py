"""The app's start: imports every module that declares acts, and builds their tables."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "referrals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions
        from permissions.identity import row_macs
        from permissions.recovery import applying
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
            rights_record,
            sender,
            undo_accept,
        )
        from referrals.packets import notes, packet  # noqa: F401  (each declares its acts)
        from referrals.recovery import bringing_forward, closing_tables
        from referrals.releases import (  # noqa: F401  (each declares its acts)
            lifecycle,
            notice_release,
            revocation,
        )
        from referrals.slip import slip_rows

        closing_tables.register_own()
        applying.also_apply(bringing_forward.bring_forward)
        row_macs.also_bind(slip_rows.rebind)
        registry.complete()
        actions.register(
            acts=(
                *(f"referral.{act}" for act in registry.ACTS),
                *("referral.list", "referral.read", "referral.history", "referral.self_assign"),
                "referral.claim",
                *("referral.ask_signature", "release.sign"),
                *("referral.read_releases", "referral.read_returned", "referral.purge"),
                *(
                    "slip.read",
                    "slip.give",
                    "slip.withdraw",
                    "slip.enter",
                    "slip.visit",
                    "slip.end",
                ),
                "slip.narrow",
                *("agreement.decline", "call_record.create", "call_record.list"),
                *(
                    "mistakes.read",
                    "barred_attempts.read",
                    "block_alerts.read",
                    "lost_acts.read",
                    "self_assignments.read",
                ),
                *("messages.read", "message.retry", "event.list", "webhook.list", "webhook.read"),
                *("webhook.deliveries", "webhook.ping", "webhook.replay", "webhook.send"),
                *("rota.ask_swap", "rota.decline_swap", "rota.take_back_swap", "rota.make_feed"),
                *("rota.end_feed", "rota.read", "rota.read_feed", "rota.list_uncovered"),
                *("export.list", "export.read", "export.download", "export.finish"),
                "referral.export",
                *("rights_counts.read", "own_figures.read", "figures.read"),
                "line.answer",
            ),
            changes=(
                *("webhook.create", "webhook.change", "webhook.rotate", "webhook.remove"),
                *("rota.set_rotation", "rota.end_rotation", "rota.add_shift", "rota.remove_shift"),
                *("rota.import", "rota.agree_swap"),
                *("export.ask", "export.confirm", "export.end"),
                *("figures.agree", "figures.end_agreement", "figures.publish"),
                *("earlier_year.store", "earlier_year.delete"),
            ),
            uses=codes.PURPOSE,
            purposes=codes.RELEASE_PURPOSE,
            self_assignment="referral.self_assign",
        )
