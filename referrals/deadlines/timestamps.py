"""Times that callers give must lie within the accepted years. Other times are mistakes or attacks:
in some time zones the first and the last day of the calendar are not valid dates."""

from datetime import UTC, datetime

from permissions.errors import BadRequest

FIRST_YEAR, LAST_YEAR = 2000, 2200
_FIRST, _END = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
DETAIL = f"A time of the years {FIRST_YEAR} to {LAST_YEAR} is needed."


def is_of_our_time(moment: datetime) -> bool:
    """Return whether the time may be stored. `moment` is aware."""
    return _FIRST <= moment < _END


def check(moment: datetime | None, pointer: str) -> None:
    """Raise BadRequest, naming the field at `pointer`, for a time out of range. None is allowed."""
    if moment is not None and not is_of_our_time(moment):
        raise BadRequest("invalid", DETAIL, pointer)
