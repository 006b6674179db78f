"""Functions of schema sec that decide who is notified of what."""

from typing import Any

from django.db import connections

from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story


def asked(function: str, *values: Any) -> list[Any]:
    """As `jobs`: every row."""
    with connections["jobs"].cursor() as cursor:
        return found(cursor, function, *values)


def found(cursor: Any, function: str, *values: Any) -> list[Any]:
    marks = ", ".join(["%s"] * len(values))
    cursor.execute(f"SELECT * FROM sec.{function}({marks})", [str(one) for one in values])
    return [tuple(map(plain, row)) for row in cursor.fetchall()]


def plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)


def self_assigned(superuser: Any, api: Any, story: Story, who: str = "solo.all") -> Any:
    """Let a lead assign themselves. Returns the alert that their reviewer is to get."""
    with superuser.cursor() as cursor:  # how the assignment was lost does not matter here
        cursor.execute(
            "DELETE FROM referral_assignment WHERE content_object_id = %s AND membership_id = %s",
            [story.id, str(member_id(who))],
        )
    body = {"member_id": str(member_id(who)), "reason": "nobody_assigned"}
    answer = api(who).act(story.id, "assign", body)
    assert answer.status_code == 200, answer.content
    return str(agency_id(who.split(".")[0])), answer.json()["reference"]
