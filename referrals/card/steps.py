"""What has become of an agency's calls for its card, as one number in the journal of closings,
outside the database: the serial number of the newest call times ten, and behind it how many codes
were keyed in it, or GIVEN.

It only grows. So an older copy of a row gives no more tries, an earlier call's code is dead once
there is a later call, and no writer of the database says that a code was keyed.
"""

from uuid import UUID

from permissions.keys import closings
from referrals.card.kept import Content

MOST_TRIES = 3  # codes keyed in one call
GIVEN = 9
_STEPS = 10


def is_newest(content: Content) -> bool:
    """Whether no later call was made for the agency, and this one was not stopped."""
    return _step(content.agency_id) // _STEPS == content.serial


def tries(content: Content) -> int:
    """How many codes were keyed in the newest call; GIVEN once it was the right one."""
    return _step(content.agency_id) % _STEPS


def is_given(content: Content) -> bool:
    """Whether the right code was keyed in this call, and no later one was made since."""
    return is_newest(content) and tries(content) == GIVEN


def next_serial(agency_id: UUID) -> int:
    return _step(agency_id) // _STEPS + 1


def begin(content: Content) -> None:
    """Begin this call: every earlier one of the agency is over."""
    _advance(content.agency_id, content.serial * _STEPS)


def count_try(content: Content) -> None:
    _advance(content.agency_id, _step(content.agency_id) + 1)


def give(content: Content) -> None:
    _advance(content.agency_id, content.serial * _STEPS + GIVEN)


def stop(content: Content) -> None:
    if is_newest(content):
        _advance(content.agency_id, (content.serial + 1) * _STEPS)


def _step(agency_id: UUID) -> int:
    return closings.least_version(_subject(agency_id))


def _advance(agency_id: UUID, step: int) -> None:
    closings.close([(_subject(agency_id), step)])


def _subject(agency_id: UUID) -> str:
    return closings.subject_of("card calls", agency_id)
