"""Mandated reports and compelled disclosures (R8): kept by the own side, sealed, never refused for
what they are, and never on their way to anybody."""

from typing import Any

import pytest

from referrals.acts import legal_records
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story
from tests.support.proofs import routes
from tests.support.proofs.sender_view import Sender

ACTS = ("record_report", "record_disclosure")


def notes(api: Any, story: Story, who: str) -> list[dict[str, Any]]:
    answer = api(who).act(story.id, "open_notes", {"purpose": "legal_duty"})
    return [{"kind": one["kind"], **one["content"]} for one in answer.json()["items"]]


@pytest.mark.parametrize("act", ACTS)
def test_it_is_kept_by_its_side_alone(act: str, story: Story, api: Any, superuser: Any) -> None:
    story.accept()
    sender = Sender(api)
    before = sender.view(story.id)
    body = routes.BODIES[act] | {"detail": "marker: what else"}
    story.answers(act, body)
    assert sender.view(story.id) == before
    kind = act.removeprefix("record_")
    at = "2026-01-01T02:45:00+00:00"
    assert notes(api, story, "ywca.worker") == [body | {"kind": kind, "at": at}]
    assert notes(api, story, "police.worker") == []
    for word in ("marker: what else", body["to"], body["survivor_told"]):
        assert rows(superuser, "SELECT FROM note n WHERE n::text LIKE %s", [f"%{word}%"]) == []
    steps = api("ywca.worker").get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert steps[-1]["act"] == act
    assert steps[-1]["code"] is None


@pytest.mark.parametrize(
    ("sender", "basis", "warned"),
    [
        ("sarc.worker", "subpoena", True),
        ("sarc.worker", "court_order", False),
        ("police.worker", "subpoena", False),
        ("hospital.worker", "subpoena", False),
    ],
)
def test_privileged_agencies_are_warned_and_no_one_is_refused(
    sender: str, basis: str, warned: bool, story: Story, api: Any
) -> None:
    story.sender = sender
    story.create()
    body = routes.BODIES["record_disclosure"] | {"basis": basis}
    answer = api(sender).act(story.id, "record_disclosure", body)
    assert answer.status_code == 201
    assert answer.json()["warning"] == (legal_records.SUBPOENA if warned else "")


@pytest.mark.parametrize(
    ("act", "line"), [("record_report", "REPORT_LINE"), ("record_disclosure", "DISCLOSURE_LINE")]
)
def test_the_line_of_the_state_stands_next_to_each(
    act: str, line: str, story: Story, api: Any, settings: Any
) -> None:
    settings.REPORT_LINE = settings.DISCLOSURE_LINE = "The other line."
    setattr(settings, line, "What an invented state says.")
    story.create()
    answer = api("police.worker").act(story.id, act, routes.BODIES[act])
    assert answer.json()["line"] == "What an invented state says."
    page = at_the_desk("police.worker").get(f"/desk/referrals/{story.id}/{act}")
    assert "What an invented state says." in text_of(page.content)
    assert "The other line." not in text_of(page.content)


@pytest.mark.parametrize("act", ACTS)
def test_one_key_keeps_one_record(act: str, story: Story, api: Any) -> None:
    story.send()
    key = {"Idempotency_Key": "a record"}
    first, again = (
        api("police.worker").act(story.id, act, routes.BODIES[act], **key) for _ in range(2)
    )
    assert first.json() == again.json()
    assert len(notes(api, story, "police.worker")) == 1


def test_the_desk_shows_the_states_line_and_the_record(story: Story) -> None:
    story.accept()
    desk = at_the_desk("ywca.worker")
    path = f"/desk/referrals/{story.id}/record_disclosure"
    page = text_of(desk.get(path).content)
    assert "A subpoena alone is not an order of a court." in page
    assert "26-1-812 MCA" in page
    filled = routes.BODIES["record_disclosure"] | {"at": "2026-01-01T02:45"}
    assert "The record is kept." in text_of(desk.submit(path, filled).content)
    shown = desk.submit(f"/desk/referrals/{story.id}/open_notes", {"purpose": "review"})
    assert "A subpoena, without an order: no one" in text_of(shown.content)
    assert "The survivor was informed before" in text_of(shown.content)
