"""The rights record: kept by its side alone, sealed with its codes; its reminder says nothing of
what it is about, and reaches the holder of that side alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from referrals.deadlines import purge as purge_run
from referrals.notifications import triggers
from referrals.rights.items import ITEMS
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import keep
from tests.support.people.stories import Story
from tests.support.proofs import routes
from tests.support.proofs.sender_view import Sender

BODY = routes.BODIES["record_rights"]


def record(api: Any, story: Story, who: str, body: Any = None, **headers: str) -> Any:
    return api(who).act(story.id, "record_rights", BODY if body is None else body, **headers)


def notes(api: Any, story: Story, who: str) -> list[dict[str, Any]]:
    answer = api(who).act(story.id, "open_notes", {"purpose": "legal_duty"})
    return [one["content"] for one in answer.json()["items"] if one["kind"] == "rights"]


def remind_at(api: Any, story: Story, who: str) -> str | None:
    found: str | None = api(who).get(f"/v1/referrals/{story.id}").json()["remind_at"]
    return found


def reminders(superuser: Any, story: Story) -> list[Any]:
    return rows(
        superuser,
        "SELECT from_sees, to_sees FROM referral_event WHERE act = 'reminder'"
        " AND referral_id = %s ORDER BY at",
        [story.id],
    )


def test_each_side_keeps_its_own_and_the_sender_is_shown_nothing(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    sender = Sender(api)
    before = sender.view(story.id)
    at = "2026-01-01T02:45:00+00:00"
    body = {"vine": "offered", "vine_at": at, "t_certification": "requested"}
    answer = record(api, story, "ywca.worker", body)
    assert answer.status_code == 201, answer.content
    assert sender.view(story.id) == before
    (kept,) = notes(api, story, "ywca.worker")
    assert (kept["vine"], kept["vine_at"], kept["t_certification"]) == ("offered", at, "requested")
    assert notes(api, story, "police.worker") == []
    assert record(api, story, "police.worker", {"compensation": "given"}).status_code == 201
    assert len(notes(api, story, "ywca.worker")) == 1
    assert "compensation" in notes(api, story, "police.worker")[0]


def test_no_table_says_what_was_recorded(story: Story, api: Any, superuser: Any) -> None:
    """Who asks for a certification for a visa is not to be read from the database."""
    story.accept()
    before = naming_an_item(superuser)
    for item in ITEMS:
        body = {item.name: item.counted}
        assert record(api, story, "ywca.worker", body).status_code == 201
    assert naming_an_item(superuser) == before
    marks = "SELECT count(*), count(DISTINCT tag) FROM rights_mark WHERE referral_id = %s"
    assert rows(superuser, marks, [story.id]) == [(len(ITEMS), len(ITEMS))]


def naming_an_item(superuser: Any) -> dict[str, int]:
    """How many rows of each table say the name of an item."""
    tables = rows(
        superuser,
        "SELECT relname FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace",
    )
    named = [f"%{item.name}%" for item in ITEMS]
    counted = 'SELECT count(*) FROM "{}" t WHERE t::text LIKE ANY (%s)'
    return {one: rows(superuser, counted.format(one), [named])[0][0] for (one,) in tables}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"remind_at": (datetime.now(UTC) + timedelta(days=9)).isoformat()}, "invalid"),
        ({"vine": "signed"}, "invalid"),
        ({"vine": "given", "vine_at": "1999-12-31T00:00:00Z"}, "invalid"),
        ({"visa": "given"}, "invalid"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    body: Any, code: str, story: Story, api: Any, superuser: Any
) -> None:
    story.send()
    answer = record(api, story, "police.worker", body)
    assert answer.status_code == 400, answer.content
    assert rows(superuser, "SELECT FROM note WHERE kind = 'rights'") == []
    assert rows(superuser, "SELECT FROM rights_mark") == []


@pytest.mark.parametrize("days", [-1, 367])
def test_a_reminder_is_within_the_next_year(days: int, story: Story, api: Any) -> None:
    story.send()
    at = datetime.now(UTC) + timedelta(days=days)
    answer = record(api, story, "police.worker", BODY | {"remind_at": at.isoformat()})
    assert (answer.status_code, answer.json()["code"]) == (409, "reminder_length")
    assert notes(api, story, "police.worker") == []


def test_a_draft_has_none(story: Story, api: Any) -> None:
    story.create()
    assert record(api, story, "police.worker").status_code == 409


def test_one_key_keeps_one_record(story: Story, api: Any, superuser: Any) -> None:
    story.send()
    key = {"Idempotency_Key": "a rights record"}
    first, again = (record(api, story, "police.worker", **key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len(notes(api, story, "police.worker")) == 1
    assert len(rows(superuser, "SELECT FROM rights_mark")) == 2


# -- The clock of a certification ------------------------------------------------------------------


def test_a_certification_that_was_asked_for_is_due_in_thirty_days(story: Story, api: Any) -> None:
    story.accept()
    at = datetime.fromisoformat(record(api, story, "ywca.worker").json()["remind_at"])
    assert timedelta(days=29, hours=23) < at - datetime.now(UTC) <= timedelta(days=30)
    assert remind_at(api, story, "ywca.worker")
    assert remind_at(api, story, "police.worker") is None


@pytest.mark.parametrize("who", ["ywca.worker", "police.worker"])
def test_it_reminds_the_holder_of_its_own_side_once(
    who: str, story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    story.accept()
    keep(api, "ywca.worker", "sms", "+14065550171")
    keep(api, "police.worker", "sms", "+14065550172")
    at = datetime.now(UTC) + timedelta(days=5)
    record(api, story, who, BODY | {"remind_at": at.isoformat()})
    shift_clock("4 days 23 hours")
    purge_run.run()
    assert reminders(superuser, story) == []
    shift_clock("5 days 1 minute")
    own = who.startswith("police"), who.startswith("ywca")
    for _ in range(2):
        purge_run.run()
        assert reminders(superuser, story) == [own]
    while triggers.step():
        pass
    sent = (
        "SELECT m.member_id::text, template FROM message m JOIN referral_event e ON e.id = m.cause"
        " WHERE m.referral_id = %s AND e.act = 'reminder'"
    )
    assert rows(superuser, sent, [story.id]) == [(str(member_id(who)), "review")]
    other = "police.worker" if own[1] else "ywca.worker"
    steps = api(other).get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert {"reminder", "record_rights"}.isdisjoint(one["act"] for one in steps)


@pytest.mark.parametrize("decided", ["signed", "denied", "withdrawn"])
def test_a_decision_ends_the_reminder(
    decided: str, story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    story.send()
    record(api, story, "police.worker")
    assert remind_at(api, story, "police.worker")
    answer = record(api, story, "police.worker", {"u_certification": decided})
    assert answer.json()["remind_at"] is None
    assert remind_at(api, story, "police.worker") is None
    shift_clock("31 days")
    purge_run.run()
    assert reminders(superuser, story) == []


def test_a_later_reminder_is_another_one(
    story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    story.accept()
    record(api, story, "ywca.worker")
    shift_clock("30 days 1 hour")
    purge_run.run()
    assert len(reminders(superuser, story)) == 1
    later = datetime.now(UTC) + timedelta(days=33)
    body = {"ncmec": "offered", "remind_at": later.isoformat()}
    assert record(api, story, "ywca.worker", body).status_code == 201
    purge_run.run()
    assert len(reminders(superuser, story)) == 1
    shift_clock("33 days 1 hour")
    purge_run.run()
    assert len(reminders(superuser, story)) == 2


# -- A minor ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("band", "asked"), [("minor", 1), ("adult", 0), ("not_stated", 0)])
def test_the_age_of_the_notice_asks_for_calls(
    band: str, asked: int, story: Story, api: Any
) -> None:
    story.create(age_band=band).send()
    said = record(api, story, "police.worker").json()["prompts"]
    assert len(said) == asked
    both = {"advocacy_center": "called", "ncmec": "not_applicable"}
    assert record(api, story, "police.worker", both).json()["prompts"] == []
    page = text_of(at_the_desk("police.worker").get(path(story)).content)
    assert ("1-800-843-5678" in page) == bool(asked)


def path(story: Story) -> str:
    return f"/desk/referrals/{story.id}/record_rights"


def test_an_advocate_is_told_to_ask_first_and_an_officer_is_not(story: Story, api: Any) -> None:
    story.create(age_band="minor").send().accept()
    pages = {
        who: text_of(at_the_desk(who).get(path(story)).content)
        for who in ("ywca.worker", "police.worker")
    }
    assert "Ask the minor first" in pages["ywca.worker"]
    assert "Ask the minor first" not in pages["police.worker"]
    assert "NCIC within two hours" in pages["police.worker"]


# -- The desk --------------------------------------------------------------------------------------


def test_the_desk_records_it_and_shows_it_among_the_notes(story: Story) -> None:
    story.accept()
    desk = at_the_desk("ywca.worker")
    filled = {
        "victim_rights": "given",
        "victim_rights_at": "2026-01-01T02:45",
        "u_certification": "requested",
    }
    assert "The record is kept." in text_of(desk.submit(path(story), filled).content)
    shown = desk.submit(f"/desk/referrals/{story.id}/open_notes", {"purpose": "review"})
    assert "Notice of a victim's rights: given, Jan 1, 2026" in text_of(shown.content)
    assert "U visa certification (I-918 B): asked for" in text_of(shown.content)
    page = text_of(desk.get(f"/desk/referrals/{story.id}").content)
    assert "You asked to be reminded" in page


def test_an_empty_form_is_refused_at_the_desk(story: Story, superuser: Any) -> None:
    story.send()
    answer = at_the_desk("police.worker").submit(path(story), {})
    assert "Record at least one item." in text_of(answer.content)
    assert rows(superuser, "SELECT FROM note WHERE kind = 'rights'") == []
