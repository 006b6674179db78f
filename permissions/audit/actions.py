"""The vocabulary of the access log: the acts and purposes that an entry may contain.

The code and the database share one list. The database refuses every other word from any writer
(`sec.hash_entry`), because what a bug or an injected query wrote there could never be removed.
Each floor registers its own words at startup; `functions()` passes them to the database.
"""

import json
from collections.abc import Iterable, Set

_acts: set[str] = set()
_uses: set[str] = set()
_purposes: set[str] = set()
_changes: set[str] = set()
_self_assignment = ""


def register(
    *,
    acts: Iterable[str] = (),
    uses: Iterable[str] = (),
    purposes: Iterable[str] = (),
    changes: Iterable[str] = (),
    self_assignment: str = "",
) -> None:
    """Add a floor's words. `uses`: the purposes of use that an opening states; `purposes`: others
    that an entry may name; `changes`: acts that change how an agency is run, which its leads and
    administrators are shown; `self_assignment`: the act by which leads give themselves access (R7).
    Twice is safe."""
    global _self_assignment
    _self_assignment = self_assignment or _self_assignment
    _acts.update(acts)
    _acts.update(changes)
    _changes.update(changes)
    _uses.update(uses)
    _purposes.update(purposes)


def acts() -> tuple[str, ...]:
    """Every act that an entry may record, in alphabetical order."""
    return tuple(sorted(_acts))


def uses() -> Set[str]:
    """The purposes of use: the reasons to open sealed content."""
    return _uses


def purposes() -> tuple[str, ...]:
    """Every purpose that an entry may name, including the purposes of use."""
    return tuple(sorted(_uses | _purposes))


def changes() -> tuple[str, ...]:
    """Every act that changes how an agency is run, in alphabetical order."""
    return tuple(sorted(_changes))


def self_assignment() -> str:
    """The act by which leads give themselves access, which auditors look for (R7)."""
    return _self_assignment


def functions() -> str:
    """The SQL that replaces the lists in the database; `manage.py migrate` applies it. The lists
    are JSON objects because a lookup by key takes a tenth of the time of a search in an array.
    """
    writers = "app, editor, auditor, definer"
    return (
        _list("sec.log_acts()", acts(), writers)
        + _list("sec.log_purposes()", purposes(), writers)
        + _list("sec.log_changes()", changes(), "definer")
    )


def _list(function: str, words: Iterable[str], roles: str) -> str:
    known = json.dumps(dict.fromkeys(words, 1))
    return f"""
        CREATE FUNCTION {function} RETURNS jsonb LANGUAGE sql IMMUTABLE
            AS $$ SELECT '{known}'::jsonb $$;
        REVOKE ALL ON FUNCTION {function} FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION {function} TO {roles};
    """  # noqa: S608 (our own words)


register(
    acts=(
        *("session.sign_in", "session.sign_out", "session.resume", "token.issue"),
        *("session.unlock", "account.confirm", "account.add_passkey", "account.rename_passkey"),
        *("account.remove_passkey", "account.set_app", "account.remove_app"),
        *("account.new_recovery_codes", "account.use_recovery_code", "account.change_password"),
        *("account.end_others", "members.read", "caller.read"),
        *("member.set_duty", "seal.rotate", "key.rotate", "key.destroy", "key.restore"),
        "database.recover",
        *("channels.read", "channel.add", "channel.remove", "channel.test", "channel.tested"),
        *("channel.send_code", "channel.prove"),
        *("access_log.read", "access_log.export", "access_log.counts", "access_log.seals"),
        *("access_log.verify", "access_log.opt_ins"),
        *("access_log.prove", "access_log.checkpoints", "access_log.count_refusals"),
        *("scim.list", "scim.read"),
        *("partner.list", "partner.read", "agency.read_settings", "agency.read_changes"),
        *("card.read", "card.call", "card.key", "card.stop"),
        *("practice.begin", "practice.join", "practice.leave", "practice.end"),
        *("provider.read", "account.link_agency", "session.end_by_agency"),
    ),
    changes=(
        # No longer done: of an earlier release, and of the operator who tries it and is refused.
        *("client.add", "client.change_keys", "client.change_networks", "client.return"),
        *("member.add", "member.change_roles", "member.reset", "member.end", "member.return"),
        *("member.invite", "staff.invite", "staff.end_invitation", "staff.join"),
        *("staff.change_roles", "staff.end", "staff.return", "staff.reset", "staff.take_reset"),
        *("staff.set_ref", "staff.confirm_reset", "agency.change_number", "agency.confirm_number"),
        *("client.change_budget", "client.end", "agency.add", "agency.change", "agency.confirm"),
        *("editor.add", "editor.end", "access_log.opt_in", "access_log.end_opt_in"),
        *("partner.add", "partner.add_keys", "partner.remove_key", "partner.set_keys_url"),
        *("partner.set_networks", "partner.set_quota", "partner.end", "partner.return"),
        *("agency.set", "agency.sign_terms"),
        *("scim.set_token", "scim.end_token", "scim.invite", "scim.end", "scim.take_roles"),
        *("scim.set_names", "card.set", "provider.set", "provider.test", "provider.switch_on"),
        *("provider.switch_off", "provider.remove", "provider.unlink"),
        *("agency.loosen_notice", "agency.end_loosened_notice"),
    ),
)
