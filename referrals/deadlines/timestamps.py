"""Moments that somebody names: of these centuries. Others are a slip, or meant to do harm: in some
time zone the first and the last of the calendar are no date at all."""

from datetime import UTC, datetime

from permissions.errors import BadRequest

FIRST_YEAR, LAST_YEAR = 2000, 2200
_FIRST, _END = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
DETAIL = f"A time of the years {FIRST_YEAR} to {LAST_YEAR} is needed."


def is_of_our_time(moment: datetime) -> bool:
    """Whether it may be kept. `moment` is aware."""
    return _FIRST <= moment < _END


def check(moment: datetime | None, pointer: str) -> None:
    """Raise BadRequest, naming the field at `pointer`, where it may not; None may."""
    if moment is not None and not is_of_our_time(moment):
        raise BadRequest("invalid", DETAIL, pointer)
