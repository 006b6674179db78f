"""An agency's own settings, which its administrator reads and changes at the desk: when it works,
when it owes an answer, how long it keeps a referral, and whether it takes referrals here.

`app` has no right to change an agency: the database does it for the administrator who calls, and
for their agency only (sec.set_own_agency). The operator's way: `manage.py agency`, `manage.py
deadlines`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import connection

from permissions.audit import writer
from permissions.database.advisory_locks import lock_agency
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, StaleMatch
from permissions.models import Agency
from permissions.policy.rules import require_administrator
from permissions.principal import Principal
from referrals.deadlines import due_times

RETENTION = (7, 3650)  # days; the database holds it too
MOST_HOLIDAYS = 100
SETTINGS = (
    *("time_zone", "opening_hours", "holidays", "durations", "retention_days", "takes_notices"),
)
_YES_NO = {True: "yes", False: "no"}


def read_settings(principal: Principal) -> Agency:
    """The caller's own agency. One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "agency.read_settings"):
        require_administrator(principal)
        return Agency.objects.get(id=principal.agency_id)


def version_of(agency: Agency) -> str:
    """A short text that is another one as soon as a setting is."""
    values = [getattr(agency, name) for name in SETTINGS if name != "holidays"]
    shown = orjson.dumps([values, sorted(agency.holidays)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(shown).hexdigest()[:16]


def change_settings(principal: Principal, changes: Mapping[str, Any], seen: str) -> list[str]:
    """Change these settings, by name; return which of them were another before. `seen`: the version
    of what the caller was shown. Referrals that were sent before keep their deadlines.

    Twice is safe: what is so already writes no entry. Raises BadRequest, NotPermitted, StaleMatch,
    Unavailable.
    """
    _check(changes)
    with writer.log_refusals(principal, "agency.set"), identified_transaction(principal) as now:
        require_administrator(principal)
        lock_agency(principal.agency_id, "default")
        with connection.cursor() as cursor:
            agency = Agency.objects.get(id=principal.agency_id)
            agency.holidays.sort()
            changed = {name: to for name, to in changes.items() if getattr(agency, name) != to}
            if not changed:
                return []
            if seen != version_of(agency):
                raise StaleMatch
            cursor.execute("SELECT sec.set_own_agency(%s)", [orjson.dumps(changed).decode()])
        codes = [_code(name, to) for name, to in sorted(changed.items())]
        writer.LoggedAct(principal, "agency.set", None, now).record(fields=codes)
    return sorted(changed)


def _code(name: str, to: Any) -> str:
    if name == "retention_days":
        return f"{name}:{to}"
    return f"{name}:{_YES_NO[to]}" if name == "takes_notices" else name


def _check(changes: Mapping[str, Any]) -> None:
    """Raise BadRequest for a value that no agency may have, whichever form it came from."""
    unknown = set(changes) - set(SETTINGS)
    assert not unknown, unknown
    try:
        if "time_zone" in changes:
            due_times.read_zone(changes["time_zone"])
        if changes.get("opening_hours") is not None:
            due_times.read_week(
                [f"{one[0]}-{one[1]}" if one else "closed" for one in changes["opening_hours"]]
            )
        for urgency, numbers in (changes.get("durations") or {}).items():
            due_times.read_durations(urgency, [str(one) for one in numbers])
        if len(changes.get("holidays", ())) > MOST_HOLIDAYS:
            raise ValueError(f"give at most {MOST_HOLIDAYS} holidays")
        if not RETENTION[0] <= changes.get("retention_days", RETENTION[0]) <= RETENTION[1]:
            raise ValueError("retention_days must be 7 to 3650")
    except ValueError as error:
        raise BadRequest(detail=f"{str(error).capitalize()}.") from None
