"""Referrals with a number of an agency's own system."""

from typing import Any

from tests.support.ground.stored_rows import rows
from tests.support.people.stories import Story, seen

SENDER, RECIPIENT = "police.worker", "ywca.worker"
NUMBER = "MARKER 2026-000118"
LIST = "/v1/referrals"


def numbered(story: Story, number: str = NUMBER) -> Story:
    return story.create().sends("set_external_ref", {"ref": number})


def number_of(api: Any, who: str, story: Story) -> Any:
    return seen(api, who, story.id)["external_ref"]


def found(caller: Any, number: str = NUMBER, **more: str) -> list[str]:
    answer = caller.get(LIST, {"external_ref": number} | more)
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["items"]]


def listed(caller: Any) -> dict[str, Any]:
    items = caller.get(LIST, {"limit": "100"}).json()["items"]
    return {one["id"]: one["external_ref"] for one in items}


def entries(superuser: Any, answer: Any) -> list[tuple[Any, ...]]:
    return rows(
        superuser,
        "SELECT act, decision, rule, referral_ids::text[] FROM access_entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    )
