"""The people who run a service are asked by mail whether its public entry is right: what they can
say, when they are asked, and what becomes of no answer."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as ours

from directory import models as m
from directory.editing import verification
from directory.editing.verification import MOST_A_DAY
from directory.models import MailOptOut, Verification
from permissions.database.clock import database_now
from permissions.models import AccessEntry, SealedMessage
from tests.desk.entry_check_pages import (
    COORDINATOR,
    DESK,
    OTHER,
    SECRET,
    WORDS,
    asked,
    asked_of,
    assured,
    change,
    clear,
    links_to,
    service,
    tables,
    work,
)
from tests.desk.entry_check_pages import house as house  # a fixture
from tests.desk.mistake_pages import stored, waits_for
from tests.support.ground.stale_projections import stale
from tests.support.people.desk_pages import Pages, at_the_desk, rows, text_of
from tests.support.people.hsds_source import take, write_tables

ENDED = "It is off the list"


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
    for _to_open_it_changes_nothing in range(2):
        page = pages.get(link).content.decode()
        assert pages.http.head(link).status_code == 200
    assert "Is this right?" in text_of(page)
    assert "Talking" in text_of(page)
    assert "406-555-0181" in text_of(page)
    assert SECRET not in page
    assert re.search(r"Last changed \w+ \d+, \d{4}\.", text_of(page))
    assert assured() is None
    assert Verification.objects.using("jobs").get(service_id=service()).answer == ""
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


def test_a_yes_is_for_what_was_read(house, mails):
    (link,) = asked(mails)
    pages = Pages()
    read_before = pages.hidden(link)
    change(house, name="Talking and listening")
    answer = pages.http.post(link, read_before | {"answer": "right"}, follow=True)
    assert answer.redirect_chain == [(f"{link}?said=changed", 302)]
    assert "This listing was changed meanwhile" in text_of(answer.content)
    work("entry-answers")
    assert assured() is None
    assert pages.submit(link, {"answer": "right"}).status_code == 200
    work("entry-answers")
    assert assured() is not None


def test_every_mail_of_a_kind_has_one_size(house, mails, shift_clock):
    asked(mails)
    shift_clock("24 hours 1 minute")
    asked(mails)
    sizes = {len(mail.get_payload(decode=True)) for _, mail in mails.received}
    assert len(mails.received) == 2, "of two services"
    assert len(sizes) == 1


def test_the_mail_is_in_english_and_then_in_spanish_and_its_subject_says_nothing(
    house, mails, shift_clock
):
    asked(mails)
    shift_clock("14 days 1 minute")
    asked(mails)
    first, again = (mail for to, mail in mails.received if to.lower() == DESK)
    for mail, *begins in (
        (first, "Once a year Cairn asks", "Una vez al año, Cairn pregunta"),
        (again, "A reminder: Cairn asks", "Un recordatorio: Cairn pregunta"),
    ):
        assert mail["Subject"] == "Cairn: a reference for you"
        parts = [one for one in mail.get_payload(decode=True).decode().splitlines() if one]
        for part, begin in zip(parts, begins, strict=True):
            assert (part.startswith(begin), part.count("/check/")) == (True, 1)


def test_the_page_is_read_in_spanish_too(house, mails):
    (link,) = asked(mails)
    pages = Pages()
    page = pages.http.get(link, headers={"Accept-Language": "es"}).content.decode()
    assert '<html lang="es">' in page
    assert "Is this right?" not in text_of(page)
    assert 'value="right"' in page


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
    assert len(stored(superuser)) == 1


def test_a_service_that_wants_no_such_mail_gets_none(house, mails, shift_clock, settings):
    (link,) = asked(mails)
    shift_clock("25 hours")
    work("entry-checks")  # the other service of that address: its mail waits
    Pages().submit(link, {"answer": "stop"})
    (kept,) = MailOptOut.objects.using("jobs").all()
    assert DESK.encode() not in bytes(kept.address_hash)
    for days in ("25 hours", "16 days", "40 days", "366 days", "800 days"):
        shift_clock(days)
        assert asked(mails) == [link], "none for either service of that address"
    settings.SECRET_KEY = ours.SECRET_KEY + "of another server"
    shift_clock("1600 days")
    assert asked(mails) == [link], "not under a new key of the server either"


def test_who_wanted_no_mail_did_not_say_that_it_is_right(house, mails, shift_clock):
    (link,) = asked(mails)
    Pages().submit(link, {"answer": "stop"})
    assert "Talking" not in waits_for(COORDINATOR)
    shift_clock("30 days 1 minute")
    assert "Talking" in waits_for(COORDINATOR)


def test_a_reminder_then_it_is_not_verified_until_someone_checks_it(house, mails, shift_clock):
    (link,) = asked(mails)
    shift_clock("13 days")
    assert asked(mails).count(link) == 1
    shift_clock("14 days 1 minute")
    assert asked(mails).count(link) == 2
    shift_clock("17 days")
    assert asked(mails).count(link) == 2, "once"
    assert "Is this right?" in text_of(Pages().get(link).content)
    assert "Not verified" not in waits_for(COORDINATOR)
    shift_clock("30 days 1 minute")
    assert Pages().get(link).status_code == 404
    shown = waits_for(COORDINATOR)
    assert "Not verified" in shown
    assert "Talking" in shown
    assert "Not verified" not in waits_for("ywca.editor"), "of an entry that others mend"
    day = database_now("jobs").date()
    m.Service.objects.using("jobs").filter(id=service()).update(assured_date=day)
    assert "Talking" not in waits_for(COORDINATOR)


def test_who_can_mend_it_takes_it_off_the_list(house, mails, shift_clock, superuser):
    asked(mails)
    question = Verification.objects.using("jobs").get(service_id=service()).id
    path = f"/desk/entry-checks/{question}/done"

    def posts(who: str) -> Any:
        return at_the_desk(who, csrf=False).http.post(path)

    assert posts(COORDINATOR).status_code == 404, "still open"
    shift_clock("30 days 1 minute")
    assert posts("ywca.editor").status_code == 404, "others mend it"
    assert posts("police.worker").status_code == 403
    assert "Talking" in waits_for(COORDINATOR)
    answer = at_the_desk(COORDINATOR).submit("/desk/entry-mistakes", action=path)
    assert ENDED in text_of(answer.content)
    assert "Talking" not in waits_for(COORDINATOR)
    assert posts(COORDINATOR)["Location"] == "/desk/entry-mistakes", "twice"
    assert assured() is None
    shift_clock("372 days")
    asked(mails)
    assert asked_of() == 2, "asked again in a year"


# -- Limits ----------------------------------------------------------------------------------------


def test_an_address_is_asked_once_a_day_and_a_service_once_a_year(house, mails, shift_clock):
    (first,) = asked(mails)
    assert asked(mails) == [first]
    shift_clock("23 hours 59 minutes")
    assert asked(mails) == [first]
    shift_clock("24 hours 1 minute")
    asked(mails)
    assert (asked_of(10), asked_of(11)) == (1, 1), "the other service of that address"
    shift_clock("364 days")
    asked(mails)
    assert asked_of() == 1
    shift_clock("366 days")
    asked(mails)
    assert asked_of() == 2
    shift_clock("1200 days")
    asked(mails)
    old = database_now("jobs") - verification.KEPT
    assert not Verification.objects.using("jobs").filter(asked_at__lt=old).exists()


def test_a_reminder_is_the_mail_of_its_day(house, mails, shift_clock):
    (first,) = asked(mails)
    Verification.objects.using("jobs").update(asked_at=database_now("jobs") - timedelta(15))
    assert asked(mails) == [first, first]
    assert asked_of(11) == 0, "not on the day of the reminder"
    shift_clock("24 hours 1 minute")
    assert len(asked(mails)) == 3
    assert asked_of(11) == 1


def test_no_more_than_so_many_leave_a_day(network, tmp_path, settings, mails, shift_clock):
    settings.VERIFY_ENTRIES = True
    many = tables()
    many["services"] = [
        {"id": f"{n}", "organization_id": "1", "name": f"Line {n}", "status": "active"}
        | {"email": f"line{n}@marked.example"}
        for n in range(10, MOST_A_DAY + 20)
    ]
    take(write_tables(tmp_path / "house", many))
    kept = Verification.objects.using("jobs")
    try:
        work("entry-checks", "entry-checks")
        assert kept.count() == MOST_A_DAY
        shift_clock("24 hours 1 minute")
        work("entry-checks")
        assert kept.count() == MOST_A_DAY + 10
        shift_clock("14 days 1 minute")
        work("entry-checks", "entry-checks")
        assert kept.exclude(reminded_at=None).count() == MOST_A_DAY
        shift_clock("15 days 2 minutes")
        work("entry-checks")
        assert kept.exclude(reminded_at=None).count() == MOST_A_DAY + 10
    finally:
        clear()


def test_nothing_is_sent_unless_it_is_switched_on(house, mails, settings):
    settings.VERIFY_ENTRIES = False
    assert asked(mails) == []
    settings.VERIFY_ENTRIES, settings.SENDERS = True, settings.SENDERS | {"mail": None}
    work("entry-checks")
    assert not Verification.objects.using("jobs").exists()


def test_a_reminder_under_a_new_key_of_the_server_has_a_link_that_works(
    house, mails, shift_clock, settings
):
    (first,) = asked(mails)
    settings.SECRET_KEY = ours.SECRET_KEY + "of another server"
    shift_clock("14 days 1 minute")
    (_, second) = asked(mails)
    assert second != first
    assert Pages().get(second).status_code == 200


@pytest.mark.parametrize("email", ["", "new@marked.example"])
def test_an_address_that_the_entry_has_no_more_is_neither_written_to_nor_believed(
    email, house, mails, shift_clock
):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    change(house, email=email)
    assert pages.get(link).status_code == 404
    assert pages.http.post(link, token | {"answer": "right"}).status_code == 404
    shift_clock("14 days 1 minute")
    assert link not in asked(mails)[1:], "no reminder"
    assert links_to(mails, "new@marked.example") == [], "asked about a year later"
    shift_clock("30 days 1 minute")
    assert "Talking" in waits_for(COORDINATOR)
