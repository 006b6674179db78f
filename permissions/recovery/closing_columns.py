"""Which changes of which rows take access or reach away. Of these entries the triggers are made
that note each such change with the change itself (sec.note_closing), and by them a restored
database is brought up to date (permissions/recovery/applying.py).

A floor above registers its own tables. A table that is in no entry is named in NOT_CLOSING with the
reason; a test holds both against the database.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Closes:
    """One table. `columns`: column → sense, as sec.is_closing knows them; `gone`: that a row is
    deleted takes something away; `added`: so does a new row, which is noted with these columns, all
    that it needs; `beside`: what is noted with a column, and applied where that column is."""

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)
    key: str = "id"  # names the row in a note
    unit: str = ""  # whose part the row is, a column; by itself: the key
    agencies: tuple[str, ...] = ("agency_id",)
    gone: bool = False
    added: tuple[str, ...] = ()
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parent: str = ""  # the unit's table: what is deleted with it is no closing

    @property
    def argument(self) -> str:
        """The trigger's argument."""
        said: dict[str, object] = {
            "key": self.key,
            "unit": self.unit or self.key,
            "agencies": self.agencies,
            "columns": dict(self.columns),
            "added": self.added,
            "beside": sorted({name for names in self.beside.values() for name in names}),
        }
        if self.parent:
            said["parent"] = self.parent
        return json.dumps(said)


CLOSES: dict[str, Closes] = {}
NOT_CLOSING: dict[str, str] = {}


def register(*entries: Closes, without: Mapping[str, str] | None = None) -> None:
    """Add these tables, and those that close nothing, each with the reason. Each table once: an app
    does it in its `ready`."""
    for one in entries:
        assert CLOSES.setdefault(one.table, one) is one, one.table
    for table, reason in (without or {}).items():
        assert NOT_CLOSING.setdefault(table, reason) is reason, table


def triggers() -> str:
    """The triggers of every table, as SQL. The same for the same entries."""
    return "\n".join(_triggers(CLOSES[table]) for table in sorted(CLOSES))


def _triggers(one: Closes) -> str:
    when = [f"UPDATE OF {', '.join(sorted(one.columns))}"] if one.columns else []
    if one.added or "raised" in one.columns.values():
        when.append("INSERT")
    if one.gone:
        when.append("DELETE")
    argument = one.argument.replace("'", "''")
    return (
        f"CREATE TRIGGER note_closing AFTER {' OR '.join(when)} ON public.{one.table}\n"
        f"    FOR EACH ROW EXECUTE FUNCTION sec.note_closing('{argument}');\n"
    )


# -- The tables of this floor ----------------------------------------------------------------------


def register_own() -> None:
    """The tables of this floor: once, when the process starts."""
    register(
        Closes("permissions_agency", {"active": "off", "takes_notices": "off"}, agencies=("id",)),
        Closes("permissions_membership", {"active": "off", "roles": "fewer", "staff_ref": "away"}),
        Closes("permissions_person", {"is_active": "off", "password": "other"}, agencies=()),
        Closes(
            "mfa_authenticator",
            {"data": "other"},
            unit="user_id",
            agencies=(),
            gone=True,
            parent="permissions_person",
        ),
        Closes(
            "permissions_client",
            {
                "active": "off",
                "scopes": "fewer",
                "public_keys": "keys",
                "system_of_record": "off",
                "networks": "fewer",
                "openings_a_day": "lower",
                "token_hash": "other",
            },
        ),
        Closes(
            "permissions_signinprovider",
            {
                "active": "off",
                "tested": "off",
                "issuer": "other",
                "client_id": "other",
                "sealed_secret": "other",
            },
        ),
        Closes("permissions_signinlink", unit="person_id", agencies=(), gone=True),
        Closes("permissions_noticeopinion", {"ended_at": "set", "until": "earlier"}),
        Closes("permissions_invitation", {"used_at": "set", "ended_at": "set"}, gone=True),
        Closes(
            "permissions_registerednumber",
            {"number": "other", "confirmed_by_id": "away", "version": "raised"},
            key="agency_id",
        ),
        Closes(
            "permissions_card",
            {"active": "off", "code_hash": "other", "lead_id": "moved", "version": "raised"},
            key="agency_id",
        ),
        Closes("permissions_exercise", {"ended_at": "set"}, agencies=()),
        Closes(
            "channel",
            {"proven_at": "away", "address": "other", "push_keys": "other"},
            gone=True,
        ),
        Closes("log_opt_in", {"withdrawn_at": "set", "ends_at": "earlier"}),
        Closes(
            "row_mac",
            {"version": "raised"},
            key="row_id",
            agencies=(),
            beside={"version": ("kind",)},
        ),
        Closes(
            "packet_grant",
            {
                "closed": "on",
                "key_bundle": "away",
                "fields": "fewer",
                "expires_at": "earlier",
                "opened_at": "away",
            },
            unit="referral_id",
        ),
        Closes(
            "bound_access",
            {"version": "raised"},
            key="referral_id",
            agencies=(),
            beside={"version": ("sealed",)},
        ),
        without={
            "credential": "each ends at a recovery that had something to apply",
            "django_session": "as credentials",
            "permissions_providersession": "as credentials",
            "permissions_clientassertion": "tokens are asked for with one that was never used",
            "permissions_cardnotice": "a notice that is under way for minutes; sealed, and over in"
            " the journal of least versions",
            "permissions_scimuser": "names of an identity provider: who may is in the membership",
            "permissions_sealedmessage": "what is sent: over in the journal of least versions",
            "permissions_termssignature": "a signature is never taken away",
            "channel_code": "proves an address that nothing is sent to before",
            "permissions_cache": "throttles of minutes",
            "recent_count": "limits of hours",
            "refusal_count": "counts",
            "access_entry": "the log is sealed and witnessed",
            "log_checkpoint": "the log is sealed and witnessed",
            "log_leaf": "the log is sealed and witnessed",
            "log_watch": "what the background work found",
            "private_key": "an agency's own notes: a purge ends them, and so do their keys",
            "epoch_due": "a purge that is due is found again",
            "clock_offset": "one number, of exercises and tests",
            "closing": "the notes themselves",
            "job_heartbeat": "figures of operation",
            "write_test": "figures of operation",
            "backup_record": "figures of operation",
            "key_folder": "which folder of keys is used: the folder itself says so",
            "key_host": "servers that were seen",
            "timeline_state": "which server this is",
            "schema_state": "the schema",
            "django_migrations": "the schema",
            "django_content_type": "names of the framework",
            "auth_permission": "names of the framework",
            "auth_group": "one an agency, by its id",
            "auth_group_permissions": "of the framework, stays empty",
            "account_emailaddress": "of the library, stays empty",
            "account_emailconfirmation": "of the library, stays empty",
            "guardian_groupobjectpermission": "of the library, stays empty",
            "guardian_userobjectpermission": "of the library, stays empty",
            "oauth2_provider_accesstoken": "of the library, stays empty",
            "oauth2_provider_devicegrant": "of the library, stays empty",
            "oauth2_provider_grant": "of the library, stays empty",
            "oauth2_provider_idtoken": "of the library, stays empty",
            "oauth2_provider_refreshtoken": "of the library, stays empty",
        },
    )
