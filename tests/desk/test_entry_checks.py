"""The people who run a service are asked by mail whether its public entry is right."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from directory import models as m
from directory.editing import verification
from directory.editing.verification import MOST_A_DAY
from directory.importing.parsing import id_of
from directory.models import MailOptOut, Verification
from permissions.database.clock import database_now
from permissions.models import AccessEntry, SealedMessage
from referrals import worker
from tests.desk.mistake_pages import stored, waits_for
from tests.support.desk_pages import Pages, at_the_desk, rows, text_of
from tests.support.hsds_source import forget, take, write_tables
from tests.support.message_servers import MailServer
from tests.support.races import race as race  # a fixture
from tests.support.stale_projections import stale
from tests.support.waiting import SOON

DESK = "desk@marked.example"
OTHER = "other@marked.example"
COORDINATOR = "taskforce.coordinator"
WORDS = "The number is now 406-555-0199."
SECRET = "Room 12 behind the bakery"


def tables(**first: str) -> dict[str, Any]:
    service = {"organization_id": "1", "status": "active", "confidential": ""}
    return {
        "organizations": [{"id": "1", "name": "Marked House", "description": "For tests."}],
        "services": [
            {"id": "10", "name": "Talking", "email": DESK, **service, **first},
            {"id": "11", "name": "Walking", "email": DESK.upper(), **service}
            | {"assured_date": "2020-01-01"},
            {"id": "12", "name": "Hidden", "email": OTHER, **service, "confidential": "yes"},
            {"id": "13", "name": "Closed", "email": "c@marked.example", **service}
            | {"status": "defunct"},
            {"id": "14", "name": "Nowhere", "email": "no address", **service},
        ],
        "phones": [{"id": "100", "service_id": "10", "number": "406-555-0181"}],
        "locations": [{"id": "5", "organization_id": "1", "name": SECRET, "confidential": "yes"}],
        "service_at_location": [{"id": "7", "service_id": "10", "location_id": "5"}],
    }


@pytest.fixture
def house(network: Any, tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.VERIFY_ENTRIES = True
    folder = write_tables(tmp_path / "house", tables())
    take(folder)
    yield folder
    forget()


def service(number: int = 10) -> UUID:
    return id_of("test", "service", str(number))


def work(*jobs: str) -> None:
    assert worker.run_until_idle(worker.jobs_named(jobs)) == []


def asked(mails: MailServer, address: str = DESK) -> list[str]:
    """Queue and send what is due; the paths of all links that came to this address."""
    work("entry-checks", "secrets")
    found = []
    for mail in mails.of(address):
        text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
        found += re.findall(r"https?://[^/]+(/check/\S+)", text)
    return found


def assured(number: int = 10) -> Any:
    return m.Service.objects.using("jobs").get(id=service(number)).assured_date


def make_confidential(tmp_path: Path) -> None:
    take(write_tables(tmp_path / "house", tables(confidential="yes")))


# -- The way of a question -------------------------------------------------------------------------


def test_a_service_says_that_its_entry_is_right(house, mails, superuser):
    before = rows(superuser, AccessEntry)
    (link,) = asked(mails)
    (mail,) = mails.of(DESK)
    text = mail.get_payload(decode=True).decode()
    for named in ("Talking", "Marked", "406-555", str(service())):
        assert named not in text + str(mail["Subject"])
    assert mails.of(OTHER) == [], "a confidential one gets none"
    pages = Pages()
    page = pages.get(link).content.decode()
    assert "Is this right?" in text_of(page)
    assert "Talking" in text_of(page)
    assert "406-555-0181" in text_of(page)
    assert SECRET not in page
    assert assured() is None, "to open it changes nothing"
    answer = pages.submit(link, {"answer": "right"})
    assert answer.redirect_chain == [("/check/thanks?said=right", 302)]
    assert pages.get(link).status_code == 404, "one use"
    work("entry-answers")
    assert assured() == verification.network_date(database_now("jobs"))
    assert not stale()
    take(house)
    assert assured() is not None, "the next import leaves the day alone"
    assert rows(superuser, AccessEntry) == before
    kept = Verification.objects.using("jobs").get(service_id=service())
    assert link.removeprefix("/check/").encode() not in bytes(kept.token_hash)
    assert not SealedMessage.objects.using("jobs").filter(sealed__isnull=False).exists()


def test_what_is_wrong_goes_to_who_can_mend_it_and_changes_nothing(house, mails, superuser):
    (link,) = asked(mails)
    pages = Pages()
    fields = {"answer": "wrong", "what": "no_answer", "words": WORDS}
    answer = pages.submit(link, fields)
    assert answer.redirect_chain == [("/check/thanks?said=wrong", 302)]
    assert WORDS not in answer.content.decode()
    assert WORDS in waits_for(COORDINATOR), "no agency edits it"
    work("entry-answers")
    assert assured() is None
    assert pages.http.post(link, pages.hidden("/safety", "/leave") | fields).status_code == 404
    assert len(stored(superuser)) == 1


def test_a_service_that_wants_no_such_mail_gets_none(house, mails, shift_clock):
    (link,) = asked(mails)
    Pages().submit(link, {"answer": "stop"})
    (kept,) = MailOptOut.objects.using("jobs").all()
    assert DESK.encode() not in bytes(kept.address_hash)
    for days in ("15 days", "40 days", "366 days", "800 days"):
        shift_clock(days)
        assert asked(mails) == [link], "none for either service of that address"
    assert "Not verified" not in waits_for(COORDINATOR)


def test_a_reminder_then_it_is_not_verified_until_someone_checks_it(house, mails, shift_clock):
    (link,) = asked(mails)
    shift_clock("13 days")
    assert asked(mails).count(link) == 1
    shift_clock("14 days 1 minute")
    assert asked(mails).count(link) == 2
    assert asked(mails).count(link) == 2, "once"
    assert "Is this right?" in text_of(Pages().get(link).content)
    assert "Not verified" not in waits_for(COORDINATOR)
    shift_clock("30 days 1 minute")
    assert Pages().get(link).status_code == 404
    shown = waits_for(COORDINATOR)
    assert "Not verified" in shown
    assert "Talking" in shown
    assert "Not verified" not in waits_for("ywca.editor"), "of an entry that others mend"
    day = (database_now("jobs") + timedelta(1)).date()
    m.Service.objects.using("jobs").filter(id=service()).update(assured_date=day)
    assert "Talking" not in waits_for(COORDINATOR)


def test_an_address_is_asked_once_a_day_and_a_service_once_a_year(house, mails, shift_clock):
    (first,) = asked(mails)
    assert asked(mails) == [first]
    shift_clock("24 hours 1 minute")
    work("entry-checks", "secrets")
    links = {one.service_id for one in Verification.objects.using("jobs").all()}
    assert links >= {service(10), service(11)}, "the other service of that address"
    before = Verification.objects.using("jobs").filter(service_id=service()).count()
    shift_clock("364 days")
    work("entry-checks")
    assert Verification.objects.using("jobs").filter(service_id=service()).count() == before
    shift_clock("370 days")
    work("entry-checks")
    shift_clock("372 days")
    work("entry-checks")
    assert Verification.objects.using("jobs").filter(service_id=service()).count() == before + 1
    shift_clock("1200 days")
    work("entry-checks")
    old = database_now("jobs") - verification.KEPT
    assert not Verification.objects.using("jobs").filter(asked_at__lt=old).exists()


def test_no_more_than_so_many_leave_a_day(network, tmp_path, settings, mails, shift_clock):
    settings.VERIFY_ENTRIES = True
    many = tables()
    many["services"] = [
        {"id": f"{n}", "organization_id": "1", "name": f"Line {n}", "status": "active"}
        | {"email": f"line{n}@marked.example"}
        for n in range(10, MOST_A_DAY + 20)
    ]
    take(write_tables(tmp_path / "house", many))
    try:
        work("entry-checks")
        work("entry-checks")
        assert Verification.objects.using("jobs").count() == MOST_A_DAY
        shift_clock("24 hours 1 minute")
        work("entry-checks")
        assert Verification.objects.using("jobs").count() == MOST_A_DAY + 10
    finally:
        forget()


def test_nothing_is_sent_unless_it_is_switched_on(house, mails, settings):
    settings.VERIFY_ENTRIES = False
    assert asked(mails) == []
    settings.VERIFY_ENTRIES, settings.SENDERS = True, settings.SENDERS | {"mail": None}
    work("entry-checks")
    assert not Verification.objects.using("jobs").exists()


# -- What is confidential --------------------------------------------------------------------------


def test_one_that_becomes_confidential_before_the_mail_gets_none(house, tmp_path, mails):
    work("entry-checks")
    make_confidential(tmp_path)
    work("secrets")
    assert mails.of(DESK) == []
    (message,) = SealedMessage.objects.using("jobs").filter(outcome="failed")
    assert message.sealed is None


def test_one_that_becomes_confidential_later_is_never_shown(
    house, tmp_path, mails, superuser, shift_clock
):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    never = f"/check/{'a' * 22}"
    make_confidential(tmp_path)
    for body in (
        {"answer": "right"},
        {"answer": "stop"},
        {"answer": "wrong", "what": "closed", "words": WORDS},
    ):
        answers = [pages.http.post(at, token | body) for at in (link, never)]
        assert [one.status_code for one in answers] == [404, 404]
        assert text_of(answers[0].content) == text_of(answers[1].content)
    shown, other = pages.get(link), pages.get(never)
    assert (shown.status_code, other.status_code) == (404, 404)
    assert text_of(shown.content) == text_of(other.content)
    work("entry-answers")
    assert assured() is None
    assert stored(superuser) == []
    assert not MailOptOut.objects.using("jobs").exists()
    shift_clock("31 days")
    assert "Talking" not in waits_for(COORDINATOR)
    assert asked(mails) == [link], "no reminder"


# -- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"answer": "wrong", "what": "", "words": WORDS}, "what"),
        ({"answer": "", "what": "nothing", "words": WORDS}, "what"),
        ({"answer": "wrong", "what": "other", "words": " "}, "words"),
        ({"answer": "wrong", "what": "hours", "words": "x" * 301}, "words"),
        ({"answer": "wrong", "what": "hours", "words": f"{WORDS}\x07"}, "hidden"),
    ],
)
def test_a_fault_is_said_without_what_was_typed_and_the_link_stays(
    given, said, house, mails, superuser
):
    (link,) = asked(mails)
    answer = Pages().submit(link, given)
    assert answer.redirect_chain == [(f"{link}?said={said}", 302)]
    assert WORDS not in answer.content.decode()
    assert "What you wrote was not kept" in text_of(answer.content)
    assert stored(superuser) == []
    assert Pages().get(link).status_code == 200


@pytest.mark.parametrize("token", ["x", "a" * 22, "a" * 3000, "%00", "ñ"])
def test_a_link_that_is_none_is_not_found(token, network):
    assert Pages().get(f"/check/{token}").status_code == 404


def test_a_form_without_its_token_and_a_table_without_its_functions_are_closed(house, mails):
    (link,) = asked(mails)
    assert Pages().http.post(link, {"answer": "right"}).status_code == 403
    for sql in (
        "SELECT * FROM directory_verification",
        "SELECT * FROM directory_mail_opt_out",
        "INSERT INTO directory_mail_opt_out VALUES ('x', now())",
        "UPDATE directory_verification SET answer = 'right'",
    ):
        with pytest.raises(Exception, match="permission denied"):
            as_app(sql)
    with pytest.raises(Exception, match="no such answer"):
        as_app("SELECT sec.answer_verification('x', '', gen_random_uuid(), '', '')")
    assert as_app("SELECT count(*) FROM sec.unverified_entries()") == [(0,)]


@pytest.mark.parametrize("who", ["police.worker", "taskforce.auditor"])
def test_who_mends_nothing_is_shown_no_list(who, network):
    assert at_the_desk(who).get("/desk/entry-mistakes").status_code == 403


# -- Twice, at once, and killed --------------------------------------------------------------------


def test_the_same_answer_twice_is_one_and_another_is_refused(house, mails):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    for _twice in range(2):
        answer = pages.http.post(link, token | {"answer": "right"})
        assert (answer.status_code, answer["Location"]) == (302, "/check/thanks?said=right")
    assert pages.http.post(link, token | {"answer": "stop"}).status_code == 404
    work("entry-answers")
    work("entry-answers")
    assert assured() is not None


def test_of_two_answers_at_once_the_first_counts(house, mails, race, superuser):
    (link,) = asked(mails)
    both_pages = [Pages(), Pages()]
    bodies = [{"answer": "right"}, {"answer": "wrong", "what": "closed", "words": WORDS}]
    given = [(one, one.hidden(link) | body) for one, body in zip(both_pages, bodies, strict=True)]
    with race.held("SELECT FROM directory_verification FOR UPDATE"):
        both = [
            race.start_and_wait(lambda one=one, body=body: one.http.post(link, body))
            for one, body in given
        ]
    assert [one.result(SOON).status_code for one in both] == [302, 404]
    assert stored(superuser) == []


def test_two_workers_ask_once(house, mails, race):
    with race.held("LOCK TABLE directory_verification IN ACCESS EXCLUSIVE MODE"):
        first = race.start_and_wait(verification.ask_step)
        assert race.start(verification.ask_step).result(SOON) is False
    first.result(SOON)
    assert Verification.objects.using("jobs").filter(service_id=service()).count() == 1
    assert len(asked(mails)) == 1


def test_what_is_killed_half_way_is_done_by_the_next_step(house, mails, race):
    jobs = worker.jobs_named(["entry-checks"])
    with race.held("LOCK TABLE permissions_sealedmessage IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(jobs))
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert killed.result(SOON) == ["entry-checks"]
    assert not Verification.objects.using("jobs").exists(), "no question without its mail"
    assert len(asked(mails)) == 1


def as_app(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
