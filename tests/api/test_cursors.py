"""A cursor is opaque: not even its length tells where a page ended."""

from datetime import UTC, datetime

import pytest

from api.http import cursors
from permissions.database.uuid7 import uuid7

pytestmark = pytest.mark.no_database

ROW = str(uuid7())
PLACES = [
    (ROW,),
    ("99999", ROW),
    ("100000", ROW),
    ("", ROW),
    (datetime(2026, 11, 30, tzinfo=UTC).isoformat(), ROW),
    (datetime(2026, 11, 30, 2, 0, 0, 7, tzinfo=UTC).isoformat(), ROW),
]


@pytest.mark.parametrize("parts", PLACES)
def test_it_leads_back_to_the_place(parts: tuple[str, ...]) -> None:
    text = cursors.sealed(None, "a list", *parts)
    assert cursors.unsealed(None, "a list", text, "cursor") == list(parts)


def test_every_place_has_a_cursor_of_one_length() -> None:
    assert len({len(cursors.sealed(None, "a list", *parts)) for parts in PLACES}) == 1
