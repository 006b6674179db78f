"""Nothing is sent without the call: a thousand tries, faults between the code and the sending, and
two answers at once."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from permissions.models import CardNotice
from referrals.models import Referral
from tests.card.scene import STATION, Officer, Station, change, entries, post_signed, sent
from tests.card.scene import card as card  # a fixture
from tests.card.scene import no_card_stays as no_card_stays  # a fixture
from tests.card.scene import officer as officer  # a fixture
from tests.card.scene import station as station  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages

EACH = 160


def drafts() -> int:
    with connections["default"].cursor():
        return Referral.objects.using("jobs").filter(from_agency_id=agency_id("police")).count()


def other_than(code: str, number: int) -> str:
    return f"{(int(code) + 1 + number) % 1_000_000:06d}"


@pytest.mark.whole
def test_no_notice_is_sent_in_a_thousand_tries_without_the_call(
    officer: Officer, station: Station, superuser: Any, shift_clock: Any
) -> None:
    before, tries = len(sent(superuser)), 0
    officer.calls()
    code, link = officer.code(), station.callback()
    path = "/" + link.split("/", 3)[3]

    def refused(answer: Any) -> None:
        nonlocal tries
        tries += 1
        assert (
            answer.status_code == 404
            or b"Nothing was sent" in answer.content
            or (b"This is not the code" in answer.content)
        ), answer.content
        assert len(sent(superuser)) == before

    for number in range(EACH):  # the right code, without the provider's signature, or with another
        given = {"Digits": code, "CallSid": "CA0"}
        if number % 4 == 0:
            refused(Pages().http.post(path, given))
        elif number % 4 == 1:
            refused(post_signed(link, given, token="another token"))
        elif number % 4 == 2:
            headers = {"X-Twilio-Signature": secrets.token_urlsafe(20)}
            refused(Pages().http.post(path, given, headers=headers))
        else:  # signed for another call
            elsewhere = f"{link[:-1]}{'A' if link[-1] != 'A' else 'B'}"
            refused(post_signed(elsewhere, given))
    for _ in range(EACH):  # the right code, in a call that was never made
        guessed = f"{link.rpartition('/')[0]}/{secrets.token_urlsafe(32)}"
        refused(post_signed(guessed, {"Digits": code}))
    shift_clock("10 minutes 1 second")
    late = EACH
    for _ in range(late):  # late
        refused(station.keys(code, link))
    shift_clock("62 minutes")
    officer = Officer(officer.path)
    officer.calls()
    code, link = officer.code(), station.callback()
    for number in range(EACH):  # guessed; and right, once three were wrong
        refused(station.keys(other_than(code, number) if number < 3 else code, link))
    assert "Three wrong codes" in officer.sees()
    old_code, old_link = code, link
    officer.press("call")
    code, link = officer.code(), station.callback()
    assert link != old_link
    for _ in range(EACH):  # replayed: an earlier call's code, there
        refused(station.keys(old_code, old_link))
    for _ in range(EACH):  # and in the new call, until its tries are spent
        refused(station.keys(old_code if old_code != code else other_than(code, 0), link))
    for digits in ("", "12345", "1234567", code + "#", " " + code, "é" * 6, "0" * 4000):
        refused(station.keys(digits, link))
    officer.press("stop")
    while tries < 1000:
        refused(station.keys(code, link))
    assert tries >= 1000
    assert len(sent(superuser)) == before
    assert drafts() == before, "not even a draft"
    reasons = {one[:2] for one in entries(superuser, "card.key")}
    assert {("refused", "wrong_code"), ("refused", "no_code")} <= reasons


def test_an_older_copy_of_the_row_gives_no_more_tries(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    code, link = officer.code(), station.callback()
    copy = rows(superuser, "SELECT sealed, call_hash, gone_at, waits FROM permissions_cardnotice")
    for number in range(3):
        station.keys(other_than(code, number), link)
    officer.press("stop")
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_cardnotice SET sealed = %s, call_hash = %s, gone_at = %s,"
            " waits = %s",
            copy[0],
        )
    superuser.commit()
    before = len(sent(superuser))
    assert b"Nothing was sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before


def test_the_code_of_one_notice_sends_no_other(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    code, link = officer.code(), station.callback()
    officer.press("stop")
    other = Officer(officer.path)
    other.calls()
    before = len(sent(superuser))
    assert b"Nothing was sent" in station.keys(code, link).content
    with superuser.cursor() as cursor:  # nor where the rows are exchanged
        cursor.execute(
            "UPDATE permissions_cardnotice a SET sealed = b.sealed FROM permissions_cardnotice b"
            " WHERE a.id <> b.id"
        )
    superuser.commit()
    assert station.keys(code, link).status_code == 503
    assert len(sent(superuser)) == before


def test_a_changed_number_or_a_replaced_card_ends_the_call(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    code, link = officer.code(), station.callback()
    change("police.lead", "/desk/number", what="propose", address="406-555-0112")
    change("police.admin", "/desk/number", what="accept", number="+14065550112")
    before = len(sent(superuser))
    assert b"Nothing was sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before


# -- Once ------------------------------------------------------------------------------------------


def test_the_same_answer_twice_is_one_notice(
    officer: Officer, station: Station, superuser: Any
) -> None:
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()
    for _ in range(5):
        assert b"The notice is sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before + 1


def test_eight_answers_and_looks_at_once_are_one_notice(
    officer: Officer, station: Station, superuser: Any
) -> None:
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()

    def act(number: int) -> Any:
        try:
            if number % 2:
                return officer.page().status_code
            return b"The notice is sent" in station.keys(code, link).content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(act, range(8))) == {True, 200}
    assert len(sent(superuser)) == before + 1
    assert drafts() == before + 1


@contextmanager
def breaking(superuser: Any, what: str, when: str) -> Iterator[None]:
    """The process is cut off there: the database refuses the statement of everyone."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION public.breaks() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'cut off' USING ERRCODE = '57P01'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER breaks BEFORE {what} ON referral FOR EACH ROW {when}"
            " EXECUTE FUNCTION public.breaks()"
        )
        superuser.commit()
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER breaks ON referral; DROP FUNCTION public.breaks()")
            superuser.commit()


CUTS = {
    "before the draft": ("INSERT", ""),
    "between draft and sending": ("UPDATE", "WHEN (NEW.status = 'sent')"),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_sending_that_was_cut_off_is_taken_up_once(
    officer: Officer, station: Station, superuser: Any, cut: tuple[str, str]
) -> None:
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()
    with breaking(superuser, *cut):
        assert station.keys(code, link).status_code >= 500
        assert len(sent(superuser)) == before
    assert "No one there has answered yet" in officer.sees(), "the page takes it up"
    assert b"The notice is sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before + 1
    assert drafts() == before + 1


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_sending_that_was_cut_off_is_not_taken_up_late(
    officer: Officer, station: Station, superuser: Any, shift_clock: Any, cut: tuple[str, str]
) -> None:
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()
    with breaking(superuser, *cut):
        assert station.keys(code, link).status_code >= 500
    shift_clock("13 minutes")
    assert "The notice was not sent" in officer.sees()
    assert b"could not be sent" in station.keys(code, link).content
    assert len(sent(superuser)) == before


def test_a_sending_whose_end_was_cut_off_is_known_as_sent(
    officer: Officer, station: Station, superuser: Any, shift_clock: Any
) -> None:
    """It was sent, and the process died before the row said so: also late, it is no other one."""
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()
    copy = rows(superuser, "SELECT sealed, gone_at, waits FROM permissions_cardnotice")[0]
    station.keys(code, link)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_cardnotice SET sealed = %s, gone_at = %s, waits = %s", copy
        )
    superuser.commit()
    shift_clock("13 minutes")
    assert b"The notice is sent" in station.keys(code, link).content
    assert "No one there has answered yet" in officer.sees()
    assert len(sent(superuser)) == before + 1
    assert CardNotice.objects.get().waits is False
    assert sent(superuser)[-1][1] == STATION
