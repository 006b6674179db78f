"""Which test files judge which mutants, in addition to the tests that name them."""

import re

from tests.mutate import sql
from tests.mutate.sql import Mutant

# By file of SQL, by module, by table.
_REFERRALS = (
    "conflict_blocks",
    "sealed_content",
    "agreement",
    "assignment",
    "return_releases",
    "narrowed_releases",
    "releases",
)
_REFERRALS += ("rls_catalogue", "purge", "access_log", "acts", "first_wall", "every_cell_effects")
_DIRECTORY = ("editor_policies", "editing", "confidential_addresses")
_DIRECTORY += ("confidential_places_in_sql", "confidential_services", "rls_catalogue")
JUDGES: dict[str, tuple[str, ...]] = {
    "permissions/identity": (
        *("sec_functions", "first_wall", "tokens", "rls_catalogue", "races", "access_log"),
        *("assignment", "contact_channels"),
    ),
    "permissions/credentials": ("sec_functions", "tokens", "rls_catalogue", "races"),
    "permissions/log_entry": ("access_log", "rls_catalogue"),
    "permissions/log_writing": (
        *("access_log", "counted_refusals", "rotation", "purge", "rls_catalogue"),
    ),
    "permissions/client_quota": ("access_log", "rls_catalogue"),
    "permissions/recent_counts": ("tallies_not_poisoned", "sign_in_brake", "unmet_searches"),
    "permissions/operation": ("ready", "heartbeats", "metrics"),
    "referrals/bulk_exports": ("exports", "export_rows", "export_killed", "export_pages"),
    "referrals/delivery_figures": ("heartbeats", "metrics"),
    "permissions/keys": ("rotation", "keystore", "purge", "sealed_content"),
    "permissions/auditing": ("audit_queries", "barred_in_the_log", "retention", "seals"),
    "permissions/seal_review": ("seals", "audit_queries", "barred_in_the_log", "retention"),
    "permissions/channels": ("contact_channels", "message_queue"),
    "permissions/seals": ("seals", "retention", "barred_in_the_log"),
    "directory/editing": _DIRECTORY,
    "directory/places": _DIRECTORY,
    "directory/postcodes": _DIRECTORY,
    "directory/row_guards": _DIRECTORY,
    "directory/unmet_searches": _DIRECTORY,
    "directory/mistake_reports": ("entry_mistakes", "entry_mistakes_kept"),
    "directory/licensed_terms": ("licensed_terms",),
    "directory/term_meanings": ("term_meanings", "term_meanings_applied"),
    "directory/trainings": ("training_pages", "trainings_refused"),
    "directory/verifications": ("entry_checks", "entry_checks_refused"),
    "directory/duplicates": ("duplicate_pages", "duplicate_answers"),
    "directory/network_places": ("search_api", "confidential_places_in_sql"),
    "referrals/blocks": ("conflict_blocks", "barred_in_the_log", "races", "every_cell_effects"),
    "referrals/blocked_attempts": ("conflict_blocks", "barred_attempts_pages", "blocks_in_sql"),
    "referrals/visibility": ("policies_matter", *_REFERRALS),
    "referrals/responsibility": ("policies_matter", *_REFERRALS),
    "referrals/openings": ("policies_matter", *_REFERRALS, "acts", "handoff"),
    "referrals/grants": ("policies_matter", *_REFERRALS),
    "referrals/releases": (
        *("narrowed_releases", "return_releases", "agreement", "releases", "revoked_before_accept"),
        "every_cell_effects",
    ),
    "referrals/agreement": ("agreement", "every_cell_effects"),
    "referrals/numbers": ("counting", "generated_lives"),
    "referrals/reports": ("own_figures",),
    "referrals/network_figures": ("network_figures",),
    "referrals/numbers_check": ("counting",),
    "referrals/purge": ("purge", "old_backups"),
    "referrals/accounting": ("accounting",),
    "referrals/feed": ("event_feed", "webhooks"),
    "referrals/events": (
        "event_feed",
        "feed_shows_what_policies_show",
        "webhooks",
        "acts",
        "return_flow_firewall",
        "every_cell_effects",
    ),
    "referrals/row_guards": (
        "acts",
        "due_times",
        "handoff_record",
        "return_flow_firewall",
        "every_cell_effects",
        "handoff",
    ),
    "referrals/messages": ("message_queue", "due_times", "contact_channels", "overdue"),
    "referrals/webhooks": ("webhooks", "witness_webhooks", "event_feed"),
    "referrals/assignment": (
        *("assignment", "assigned_after_the_end", "conflict_blocks", "acts", "every_cell_effects"),
    ),
    "rule": (
        "policy_rules",
        "tokens",
        "assignment",
        "acts",
        "first_wall",
        "conflict_blocks",
        "return_releases",
    ),
    "permissions.policy.rules": ("policy_rules", "first_wall", "tokens", "assignment", "acts"),
    "permissions.keys.keystore": ("keystore", "sealed_content", "rotation", "old_backups"),
    "permissions.keys.wrapping": ("rotation", "sealed_content", "keystore"),
    "permissions.keys.grants": (
        "grants",
        "sealed_content",
        "rotation",
        "narrowed_releases",
        "return_releases",
        "agreement",
    ),
    "permissions.keys.vault": ("keystore",),
    "referrals.packets.packet": (
        "packet_pages",
        "grants",
        "sealed_content",
        "agreement",
        "acts",
        "requests",
        "first_wall",
        "races",
        "releases",
        "no_trace_of_barred",
    ),
    "referrals.packets.notes": (
        "packet_pages",
        "sealed_content",
        "handoff_record",
        "acts",
        "requests",
        "private_records",
    ),
    "referrals.releases.lifecycle": ("sealed_content", "releases", "narrowed_releases"),
    "referrals.acts.return_releases": ("return_releases", "sealed_content", "rotation"),
    "referrals.packets.read_context": ("races", "sealed_content", "acts"),
    "referrals.referral_lock": ("races", "sealed_content", "acts"),
    "referrals.queries.seen": ("races", "read_races", "first_wall", "acts", "hot_answers"),
    "referrals.act_transaction": (
        "races",
        "acts",
        "return_flow_firewall",
        "requests",
        "conflict_blocks",
    ),
    "directory.editing.confidential_addresses": ("confidential_addresses", "confidential_places"),
    "policy of the directory": _DIRECTORY,
    "policy": (
        *(
            "rls_catalogue",
            "policies_matter",
            "overdue",
            "purge",
            "rotation",
            "message_queue",
            "due_times",
        ),
        "foreign_keys_tell_nothing",
    ),
}
# Files on one subject judge together.
_TOGETHER = {
    "access_log": ("no_entry_no_data", "auditor_reads"),
    "audit_queries": ("audit_exports", "audit_opt_ins", "seal_checks", "seal_status"),
    "seals": ("tampering", "witness", "verifier", "receipts", "seals_command"),
    "rls_catalogue": ("no_identity", "definer_rights"),
    "purge": ("purge_interrupted", "legal_holds"),
    "rotation": ("rotation_interrupted", "lost_keys"),
    "keystore": ("vault_refusals",),
    "sealed_content": ("packet_keys",),
    "tokens": ("token_forgeries", "token_networks"),
    "races": ("read_races",),
    "conflict_blocks": ("agency_blocks", "blocks_in_sql"),
    "webhooks": ("webhook_signatures", "webhook_failures", "webhook_blocks"),
    "message_queue": ("who_is_notified",),
    "editing": ("edit_rights", "edit_refusals", "edits_that_hide"),
    "editor_policies": ("editor_confidential_places",),
    "confidential_places": ("confidential_searches",),
}
JUDGES = {
    of: tuple(one for name in names for one in (name, *_TOGETHER.get(name, ())))
    for of, names in JUDGES.items()
}

# Tests that weaken rules themselves, or look at the rules' text, judge nothing here; nor does what
# grows a directory for minutes to count pages, or sweeps for minutes before its first test.
NO_JUDGES = re.compile(r"weakened|asks_less|policy_that_is_left|contract|test_markers")


def rooms_of(mutant: Mutant) -> tuple[str, ...]:
    if mutant.kind == "policy":
        directory = mutant.about.startswith("directory_")
        return JUDGES["policy of the directory" if directory else "policy"]
    if mutant.kind == "function":
        return JUDGES.get(sql.file_of(mutant.about), ())
    return JUDGES["rule" if mutant.kind == "rule" else mutant.about]
