"""Once a year: an officer without an account sends a notice by their agency's card."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from permissions.models import Card, CardNotice
from referrals.card import kept
from referrals.card.sending import open_services
from tests.card.scene import STATION, Officer, Station, entries, sent
from tests.card.scene import card as card  # a fixture
from tests.card.scene import no_card_stays as no_card_stays  # a fixture
from tests.card.scene import officer as officer  # a fixture
from tests.card.scene import station as station  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, text_of
from tests.support.people.stories import phone_only, service_of

RANDOM = "/card/notice/01890000-0000-7000-8000-00000000000c"


def test_four_taps_a_call_and_a_keyed_code_send_a_notice(
    officer: Officer, station: Station, superuser: Any
) -> None:
    before = len(sent(superuser))
    answer = officer.calls()
    assert answer.status_code == 302
    assert "the number that ends in 11" in officer.sees()
    assert len(sent(superuser)) == before, "nothing is sent before the code is keyed"
    (call,) = station.rings()
    assert officer.code() not in call["Twiml"], "the code is on the officer's screen alone"
    said = station.keys(officer.code())
    assert said["Content-Type"].startswith("text/xml")
    assert "The notice is sent" in said.content.decode()
    assert sent(superuser)[before:] == [("sent", STATION, "agrees", "call_worker")]
    assert "No one there has answered yet." in officer.sees()
    client, lead = str(Card.objects.get().client_id), str(member_id("police.lead"))
    by_card = rows(
        superuser,
        "SELECT act, decision, member_id FROM access_entry WHERE client_id = %s ORDER BY id",
        [client],
    )
    acts = ("card.call", "card.key", "referral.create", "referral.send", "referral.read")
    assert [tuple(map(str, one)) for one in by_card] == [(act, "allowed", lead) for act in acts]


def test_nothing_is_stored_before_the_fourth_tap(
    officer: Officer, station: Station, superuser: Any
) -> None:
    tables = ("permissions_cardnotice", "permissions_sealedmessage", "referral", "access_entry")
    before = [rows(superuser, f"SELECT count(*) FROM {one}") for one in tables]
    officer.taps(service_of("ywca"))
    assert [rows(superuser, f"SELECT count(*) FROM {one}") for one in tables] == before
    assert settings.CARD_COOKIE_NAME not in officer.http.http.cookies


def test_one_who_cannot_say_anything_is_only_visited(
    officer: Officer, station: Station, superuser: Any
) -> None:
    before = len(sent(superuser))
    officer.calls(agreement="cannot_say")
    station.keys(officer.code())
    assert sent(superuser)[before:] == [("sent", STATION, "cannot_say", "come_here")]


def test_a_no_is_counted_and_nothing_else_is_kept(officer: Officer, superuser: Any) -> None:
    tally = "SELECT coalesce(sum(declined), 0) FROM agreement_tally WHERE agency_id = %s"
    police = [str(agency_id("police"))]
    before = rows(superuser, tally, police)[0][0]
    for _ in range(5):
        answer = officer.taps(service_of("ywca"), agreement="no")
        assert "Then nothing is sent" in text_of(answer.content)
    assert rows(superuser, tally, police)[0][0] == before + 3, "a stranger counts few"
    assert not CardNotice.objects.exists()


def test_only_public_services_of_others_that_take_referrals_are_offered(
    officer: Officer, superuser: Any
) -> None:
    page = officer.http.get(officer.path).content.decode()
    assert service_of("ywca") in page
    assert phone_only() not in page
    assert service_of("ywca") not in {str(one.id) for one in open_services(agency_id("ywca"))}
    hidden = rows(superuser, "SELECT id FROM directory_service WHERE confidential")
    assert hidden
    assert not [one for (one,) in hidden if str(one) in page]


@pytest.mark.parametrize(
    "wrong",
    [{"service": "x"}, {"urgency": "x"}, {"agreement": "x"}, {"once": "x"}, {"once": "é" * 43}],
    ids=str,
)
def test_a_wrong_choice_leads_back_and_calls_no_one(
    officer: Officer, station: Station, wrong: dict[str, str]
) -> None:
    body = officer._form(officer.taps(service_of("ywca")))
    answer = officer.http.http.post(officer.path, body | wrong)
    assert answer.status_code == 200
    assert station.rings() == []


def test_a_service_that_takes_none_any_more_is_said(
    officer: Officer, station: Station, superuser: Any
) -> None:
    body = officer._form(officer.taps(service_of("ywca")))
    with takes_none(superuser):
        answer = officer.http.http.post(officer.path, body)
    assert "takes no notice right now" in text_of(answer.content)
    assert station.rings() == []


@contextmanager
def takes_none(superuser: Any) -> Any:
    """No agency takes notices any more."""
    change = "UPDATE permissions_agency SET takes_notices = %s WHERE takes_notices <> %s"
    with superuser.cursor() as cursor:
        cursor.execute(change, [False, False])
        superuser.commit()
        try:
            yield
        finally:
            cursor.execute(change, [True, True])
            superuser.commit()


def test_what_the_recipient_cannot_take_any_more_is_said_on_the_phone_and_the_page(
    officer: Officer, station: Station, superuser: Any
) -> None:
    before = len(sent(superuser))
    officer.calls()
    code, link = officer.code(), station.callback()
    with takes_none(superuser):
        said = station.keys(code, link).content.decode()
    assert "could not be sent" in said
    assert "The notice was not sent" in officer.sees()
    assert len(sent(superuser)) == before
    assert "could not be sent" in station.keys(code, link).content.decode(), "and it stays so"


# -- The officer's page ----------------------------------------------------------------------------


def sends(officer: Officer, station: Station) -> None:
    officer.calls()
    station.keys(officer.code())


def test_the_page_says_what_a_sender_is_shown_and_no_more(
    officer: Officer, station: Station, api: Any
) -> None:
    sends(officer, station)
    referral = str(kept.of_page(officer.id, officer.secret).content.referral_id)
    ywca = api("ywca.worker")

    def answers(act: str, body: dict[str, Any] | None = None) -> None:
        answer = ywca.post(f"/v1/referrals/{referral}/{act}", body or {})
        assert answer.status_code in (200, 201), answer.content

    answers("acknowledge")
    assert "reviewing it" in officer.sees()
    answers("accept")
    accepted = officer.sees()
    assert "An advocate will be made available" in accepted
    answers("start_handoff", {"mode": "phone"})
    assert officer.sees() == accepted
    answers("complete", {"outcome": "served"})
    assert officer.sees() == accepted, "what came of it is not the sender's (T5)"


def test_another_browser_is_answered_like_a_random_address(
    officer: Officer, station: Station
) -> None:
    sends(officer, station)
    other = Pages()
    for method in (other.http.get, other.http.post):
        answers = [method(path) for path in (officer.notice, RANDOM)]
        assert {one.status_code for one in answers} <= {403, 404}
        assert answers[0].status_code == answers[1].status_code
        assert text_of(answers[0].content) == text_of(answers[1].content)
    other.http.cookies[settings.CARD_COOKIE_NAME] = "x" * 43
    assert other.get(officer.notice).status_code == 404
    assert other.get(f"{officer.notice}/withdraw").status_code == 404


def test_the_page_ends_after_a_day(officer: Officer, station: Station, shift_clock: Any) -> None:
    sends(officer, station)
    assert officer.http.http.cookies[settings.CARD_COOKIE_NAME]["max-age"] == 24 * 3600
    shift_clock("23 hours 59 minutes")
    assert officer.page().status_code == 200
    shift_clock("24 hours 1 minute")
    assert officer.page().status_code == 404
    assert officer.http.get(f"{officer.notice}/withdraw").status_code == 404
    assert CardNotice.objects.exists()
    kept.step()
    assert not CardNotice.objects.exists()


def test_a_writer_of_the_database_does_not_prolong_it_nor_takes_it_over(
    officer: Officer, station: Station, superuser: Any, shift_clock: Any
) -> None:
    sends(officer, station)
    theirs = kept.hash_of("y" * 43)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_cardnotice SET secret_hash = decode(%s, 'hex')", [theirs]
        )
        superuser.commit()
        other = Pages()
        other.http.cookies[settings.CARD_COOKIE_NAME] = "y" * 43
        assert other.get(officer.notice).status_code == 404
        mine = kept.hash_of(officer.secret)
        cursor.execute(
            "UPDATE permissions_cardnotice SET secret_hash = decode(%s, 'hex'),"
            " gone_at = gone_at + interval '9 days'",
            [mine],
        )
        superuser.commit()
    assert officer.page().status_code == 200
    shift_clock("25 hours")
    assert officer.page().status_code == 404


@pytest.mark.parametrize(
    ("act", "code", "status"),
    [
        ("withdraw", "help_found", "withdrawn"),
        ("mark_error", "wrong_recipient", "entered_in_error"),
    ],
)
def test_the_officer_withdraws_it_or_marks_it_as_a_mistake(
    officer: Officer, station: Station, superuser: Any, act: str, code: str, status: str
) -> None:
    sends(officer, station)
    assert officer.end(act, "no such code").status_code == 400
    assert officer.end(act, code).status_code == 302
    assert sent(superuser)[-1][0] == status
    assert entries(superuser, f"referral.{act}")[-1][0] == "allowed"
    assert officer.http.get(f"{officer.notice}/{act}").status_code == 302, "it is over"
    assert officer.http.get(f"{officer.notice}/stop").status_code == 404, "no other act this way"


def test_the_row_tells_a_reader_of_the_database_nothing(
    officer: Officer, station: Station, superuser: Any
) -> None:
    officer.calls()
    text = str(rows(superuser, "SELECT n.*, c.* FROM permissions_cardnotice n, permissions_card c"))
    code = "".join(one for one in officer.path.rpartition("/")[2] if one.isalpha())
    for told in (officer.code(), officer.secret, service_of("ywca"), "agrees", STATION, code):
        assert told not in text


# -- Limits ----------------------------------------------------------------------------------------


def test_a_second_tap_on_a_slow_line_is_the_same_notice(officer: Officer, station: Station) -> None:
    body = officer._form(officer.taps(service_of("ywca")))
    first, second = (officer.http.http.post(officer.path, body) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert len(station.rings()) == 1


def test_two_taps_at_once_are_one_notice_and_one_call(officer: Officer, station: Station) -> None:
    body = officer._form(officer.taps(service_of("ywca")))

    def tap(_: int) -> Any:
        try:
            return officer.http.http.post(officer.path, body).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(tap, range(4))) == {302}
    assert CardNotice.objects.count() == 1
    assert len(station.rings()) == 1


def test_one_notice_of_an_agency_waits_at_a_time(officer: Officer, station: Station) -> None:
    officer.calls()
    other = Officer(officer.path)
    answer = other.calls()
    assert answer.status_code == 409
    assert "Another notice of this agency waits" in text_of(answer.content)
    officer.press("stop")
    assert "It was stopped" in officer.sees()
    assert other.calls().status_code == 302


def test_an_agency_is_called_three_times_an_hour_at_most(
    officer: Officer, station: Station, shift_clock: Any, superuser: Any
) -> None:
    officer.calls()
    for number in range(2):
        assert len(station.rings()) == number + 1
        assert officer.press("call").status_code == 302
    station.rings()
    assert officer.press("call").status_code == 429
    assert len(station.rings()) == 3
    officer.press("stop")
    other = Officer(officer.path)
    answer = other.calls()
    assert answer.status_code == 429
    assert "three times within an hour" in text_of(answer.content)
    shift_clock("61 minutes")
    assert other.calls().status_code == 302
    refused = entries(superuser, "card.call")
    assert ("refused", "too_often") in {one[:2] for one in refused}


def test_a_call_whose_answer_is_lost_is_not_made_again(
    officer: Officer, station: Station, shift_clock: Any
) -> None:
    """A stranger asked for it: rather none than two."""
    station.provider.silent = True
    officer.calls()
    assert len(station.rings()) == 1
    for minutes in range(1, 5):
        shift_clock(f"{minutes} minutes")
        assert len(station.rings()) == 1
    assert "Cairn could not call your agency" in officer.sees()


def test_what_was_not_sent_is_deleted_after_an_hour(
    officer: Officer, station: Station, shift_clock: Any
) -> None:
    officer.calls()
    shift_clock("11 minutes")
    assert "No one keyed the code within ten minutes" in officer.sees()
    kept.step()
    assert officer.page().status_code == 200
    shift_clock("71 minutes")
    assert officer.page().status_code == 404
    kept.step()
    assert not CardNotice.objects.exists()
