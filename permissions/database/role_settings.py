"""The settings that each role of the database has, as deploy/roles.sql gives them.

A role of PostgreSQL may always change its own settings, and no event trigger sees it. So an
injected query could set, for all later sessions of its role, that commits do not wait for the disk
or that nothing can be written. This cannot be prevented, but it can be found.
"""

from typing import Any

_SERVES = {"statement_timeout=5s", "track_activities=off"}
_IDLE = "idle_in_transaction_session_timeout=15s"
GIVEN: dict[str, set[str]] = {
    "owner": set(),
    "definer": set(),
    "backup": set(),
    "app": {*_SERVES, _IDLE},
    "signin": {*_SERVES, _IDLE},
    "auditor": {*_SERVES, _IDLE},
    "editor": {"statement_timeout=15s", "track_activities=off", _IDLE},
    "jobs": {"statement_timeout=60s", _IDLE},
    "sealer": {"statement_timeout=60s", _IDLE},
}


def changed(cursor: Any) -> list[str]:
    """Return the roles whose settings are not those that were given to them, by any connection."""
    cursor.execute(
        "SELECT r.rolname, s.setdatabase = 0, s.setconfig"
        " FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
        " WHERE r.rolname = ANY (%s)",
        [list(GIVEN)],
    )
    found = {role: {"search_path=public"} | given for role, given in GIVEN.items()}
    wrong = set()
    missing = set(found)
    for role, everywhere, settings in cursor.fetchall():
        if everywhere and set(settings) == found[role]:
            missing.discard(role)
        else:
            wrong.add(role)
    return sorted(wrong | missing)
