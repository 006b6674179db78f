"""The notice: what the recipient sees at once. Coded throughout; no identity, no incident (T2)."""

import re
from dataclasses import dataclass, fields
from datetime import datetime

from permissions.errors import BadRequest
from referrals import codes
from referrals.deadlines import timestamps

# A worker's number: digits and common separators, too short for a sentence.
CALLBACK = re.compile(r"\+?[0-9][0-9 ().-]{5,22}( ?x ?[0-9]{1,6})?")

_CODED = {
    "urgency": codes.URGENCY,
    "concern": codes.CONCERN,
    "age_band": codes.AGE_BAND,
    "household_size": codes.HOUSEHOLD_SIZE,
    "language": codes.LANGUAGE,
    "interpreter": codes.INTERPRETER,
    "wanted": codes.WANTED,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice. Creating one validates it: every value must be in its code list; otherwise
    BadRequest names the field."""

    urgency: str
    needs: tuple[str, ...]
    callback: str  # the worker's number; never the survivor's
    concern: str = "not_stated"
    age_band: str = "not_stated"
    household_size: str = "not_stated"
    language: str = "not_stated"
    interpreter: str = "not_stated"
    interpreter_not_local: bool = False  # no interpreter who may know the survivor or their people
    access_needs: tuple[str, ...] = ()
    wanted: str = "call_worker"
    with_worker_until: datetime | None = None  # UTC, aware
    survivor_can_talk_now: bool | None = None

    def __post_init__(self) -> None:
        for name, known in _CODED.items():
            if getattr(self, name) not in known:
                raise BadRequest("unknown_code", f"Not a code of {name}.", f"/{name}")
        for name, known in (("needs", codes.NEEDS), ("access_needs", codes.ACCESS_NEEDS)):
            if not set(getattr(self, name)) <= set(known):
                raise BadRequest("unknown_code", f"Not a code of {name}.", f"/{name}")
        if not self.needs:
            raise BadRequest("needs_missing", "Name at least one need.", "/needs")
        check_callback(self.callback)
        timestamps.check(self.with_worker_until, "/with_worker_until")

    def values(self) -> dict[str, object]:
        """Return the column values of `Referral`."""
        plain: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["needs"] = list(self.needs)
        plain["access_needs"] = list(self.access_needs)
        return plain


def check_callback(number: str) -> None:
    """Raise BadRequest unless it is a worker's phone number and nothing else."""
    if not CALLBACK.fullmatch(number):
        raise BadRequest(
            "callback",
            "Enter a phone number, such as 406-555-0123, or with an extension: 406-555-0123 x22.",
            "/callback",
        )
