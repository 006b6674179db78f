"""The tables of referrals whose changes take access or reach away
(permissions/recovery/closing_columns.py)."""

from permissions.recovery.closing_columns import Closes, register

# What the sender and the recipient are shown from then on. `expired` is not among them: the clock
# ends it again by itself.
# A draft reached nobody: that it was sent is lost with what came after the backup.
ENDED = "into declined withdrawn stopped entered_in_error !draft"
OVER_HERE = "into completed unable stopped declined"  # the recipient's own state


def register_own() -> None:
    """Once, when the process starts."""
    register(
        Closes(
            "referral",
            {"status": ENDED, "accepted_at": "away", "release_ended": "on"},
            agencies=("from_agency_id", "to_agency_id"),
            beside={"status": ("ended_at", "code"), "accepted_at": ("status",)},
        ),
        Closes(
            "referral_side",
            {"state": OVER_HERE, "holder_id": "moved"},
            unit="referral_id",
        ),
        Closes(
            "referral_assignment",
            unit="content_object_id",
            gone=True,
            parent="referral",
        ),
        Closes(
            "conflict_block",
            {"lifted_at": "set"},
            unit="referral_id",
            added=(
                *("id", "referral_id", "agency_id", "kind", "bars_agency_id", "bars_member_id"),
                *("set_by", "set_at", "alert"),
            ),
            beside={"lifted_at": ("lifted_by",)},
        ),
        Closes(
            "release",
            {"ended": "on", "never_open": "on", "fields": "fewer", "expires_at": "earlier"},
            unit="referral_id",
            agencies=("from_agency_id", "to_agency_id"),
            beside={"fields": ("never_opened_fields",)},
        ),
        Closes(
            "release_end",
            unit="release_id",
            added=("id", "release_id", "agency_id", "revoked_at", "revoked_via", "revoked_by"),
        ),
        Closes(
            "returned",
            {
                "key_bundle": "away",
                "ciphertext": "away",
                "fields": "fewer",
                "expires_at": "earlier",
            },
            unit="referral_id",
        ),
        Closes(
            "survivor_slip",
            {"ended": "on", "ends_at": "earlier", "code_hash": "other", "version": "raised"},
            unit="referral_id",
        ),
        Closes("signing", key="signature_id", agencies=(), gone=True),
        Closes("webhook_endpoint", {"removed_at": "set", "paused": "on", "stopped": "set"}),
        Closes("webhook_secret", {"ends_at": "earlier"}, unit="endpoint_id", agencies=()),
        Closes("on_call_feed", {"token_hash": "other"}, agencies=(), gone=True),
        Closes("figures_agreement", {"ended_at": "set"}, beside={"ended_at": ("ended_by",)}),
        Closes("bulk_export", {"ended_at": "set"}, beside={"ended_at": ("end_reason",)}),
        without={
            "bulk_export_part": "sealed content of an export, deleted when that has ended",
            "referral_event": "history: what is lost is listed",
            "packet_field": "sealed content",
            "note": "sealed content of one side",
            "referral_plan": "one side's own plan",
            "record_number": "sealed content of one side",
            "release_paper": "where a paper is kept",
            "message": "what is sent",
            "awake_claim": "who is awake, for minutes",
            "self_assignment": "told to a colleague; who may is in the assignment",
            "barred_to_the_end": "written by the purge, which is done again",
            "idempotency_key": "answers of a day",
            "agreement_tally": "counts",
            "purged_count": "counts",
            "rights_tally": "counts",
            "rights_mark": "counts",
            "counted_referral": "counts",
            "count_line": "counts",
            "count_cell": "counts",
            "count_seal": "counts",
            "network_figures": "bands; what was published stays published",
            "earlier_year": "what was published elsewhere",
            "call_record": "counts",
            "line_cover": "counts of minutes",
            "line_test": "tests of a week",
            "silent_line": "lines that did not answer",
            "on_call_gap": "when no phone answered",
            "on_call_rotation": "who is asked first: it gives no access",
            "on_call_shift": "who is asked first: it gives no access",
            "on_call_swap": "who is asked first: it gives no access",
            "webhook_delivery": "tries of a month",
            "xact_base": "one number",
            "lost_act": "what a restore has lost",
        },
    )
