"""An act said again with other words: refused, and never dropped with a 200."""

from typing import Any

import pytest

from tests.support.people.stories import Story

SENDER = "police.worker"


@pytest.mark.parametrize(
    ("act", "state", "first", "second"),
    [
        ("send", "draft", {"agreement": "agrees"}, {"agreement": "not_asked_unsafe"}),
        ("withdraw", "sent", {"code": "other"}, {"code": "help_found"}),
        ("mark_error", "accepted", {"code": "wrong_recipient"}, {"code": "wrong_content"}),
    ],
)
def test_the_senders_words_said_otherwise_are_refused(
    act: str, state: str, first: Any, second: Any, story: Story, api: Any
) -> None:
    {"draft": story.create, "sent": story.send, "accepted": story.accept}[state]()
    assert [api(SENDER).act(story.id, act, first).status_code for _ in range(2)] == [200, 200]
    before = api(SENDER).get(f"/v1/referrals/{story.id}")
    answer = api(SENDER).act(story.id, act, second)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["current_state"] == before.json()["status"]
    assert api(SENDER).get(f"/v1/referrals/{story.id}").content == before.content
