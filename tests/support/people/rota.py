"""The YWCA's rota, as tests set it."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from permissions.database.clock import database_now
from permissions.identity import credentials
from permissions.principal import Principal
from referrals.on_call import changes
from tests.support.people.callers import member_id

ZONE = ZoneInfo("America/Denver")  # the agency's: the rota changes at its midnight
MEMBERS = ("ywca.worker", "ywca.worker2", "ywca.lead")


def principal(api: Any, who: str) -> Principal:
    found = credentials.resolve_credential(api(who).secret)
    assert found is not None
    return found


def now() -> datetime:
    return database_now("signin")


def set_rotation(
    api: Any, members: Sequence[str] = MEMBERS, *, by: str = "ywca.lead", **more: Any
) -> None:
    """By the week, beginning so that the first of them is on now."""
    today = now().astimezone(ZONE).date()
    given: dict[str, Any] = {
        "period": "week",
        "weekday": today.weekday(),
        "at": time(0),
        "anchor": today,
        "has_second": True,
    } | more
    changes.set_rotation(principal(api, by), [member_id(one) for one in members], **given)
