"""The answer to a test: one key, or one button, and nothing that a guess could learn or change."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections

from permissions.database.clock import database_now
from referrals import models as m
from referrals.notifications.line_tests import weekly
from tests.support.ground.stored_rows import rows
from tests.support.people import line_tests as scene
from tests.support.people.desk_pages import Pages, text_of
from tests.support.people.line_tests import DAY, HOUR, monday, open_link, press, set_clock, tap
from tests.support.people.notifications import keep
from tests.support.people.notifications import work as send_messages
from tests.support.servers.message_servers import PhoneProvider

NUMBER = scene.early_number()


@pytest.fixture(autouse=True)
def moment(shift_clock: Any) -> datetime:
    at = monday() + 4 * DAY + 13 * HOUR
    set_clock(shift_clock, at)
    return at


@pytest.fixture
def called(api: Any, phones: PhoneProvider, moment: datetime) -> str:
    keep(api, "ywca.worker", "voice", NUMBER, language="es")
    scene.send()
    (link,) = scene.calls(phones, NUMBER)
    return link


@pytest.fixture
def texted(api: Any, phones: PhoneProvider, moment: datetime) -> str:
    keep(api, "ywca.worker", "sms", NUMBER)
    scene.send()
    (link,) = scene.links(phones, NUMBER)
    return link


def only() -> m.LineTest:
    return m.LineTest.objects.using("signin").get()


def test_any_key_in_the_call_answers(called: str) -> None:
    said = press(called, "7")
    assert said.status_code == 200
    assert said["Content-Type"].startswith("text/xml")
    assert "Gracias." in said.content.decode()
    assert 'language="es-US"' in said.content.decode()
    assert "<Hangup/>" in said.content.decode()
    assert only().how == "key"
    assert only().answered_at is not None


def test_a_call_asks_for_one_key(called: str, phones: PhoneProvider) -> None:
    ((_kind, form),) = phones.to(NUMBER)
    assert 'numDigits="1"' in form["Twiml"]
    assert "<Gather" in form["Twiml"]


def test_a_call_in_which_nothing_is_pressed_answers_nothing(called: str) -> None:
    assert press(called, "").status_code == 200
    assert only().answered_at is None


def test_a_key_that_the_provider_did_not_sign_answers_nothing(called: str) -> None:
    assert press(called, token="another token").status_code == 404
    path = scene.path_of(called)
    assert Pages().http.post(path, {"Digits": "1"}).status_code == 404
    assert Pages().get(path).status_code == 405
    assert only().answered_at is None


def test_the_button_behind_the_link_answers_without_a_cookie(texted: str) -> None:
    page = open_link(texted)
    assert page.status_code == 200
    assert text_of(page.content).count("Test of this phone") >= 1
    thanks = tap(texted)
    assert "Thank you" in text_of(thanks.content)
    assert only().how == "link"


def test_to_open_the_link_changes_nothing(texted: str) -> None:
    """A phone's preview of a link opens it, too."""
    for method in ("get", "head", "options"):
        getattr(Pages().http, method)(scene.path_of(texted))
    assert only().answered_at is None


def main_of(answer: Any) -> str:
    page = answer.content.decode()
    return str(page[page.index("<h1") : page.index("</main")])


def test_a_guess_is_answered_like_the_real_address(texted: str) -> None:
    real, guess = scene.path_of(texted), "/line/" + weekly.token_of(uuid4())
    without = [text_of(main_of(Pages().get(one)).encode()) for one in (real, guess)]
    assert without[0] == without[1]
    pressed = [Pages().http.post(one) for one in (guess, real, real, "/line/x")]
    assert {one.status_code for one in pressed} == {200}
    assert len({main_of(one) for one in pressed}) == 1


def test_a_guess_in_a_call_is_answered_like_the_real_address(called: str) -> None:
    guess = f"{settings.BASE_URL.rstrip('/')}/line/call/{weekly.token_of(uuid4())}"
    assert press(guess).status_code == 200
    assert only().answered_at is None


def test_guesses_are_counted_as_of_unknown_callers(texted: str, superuser: Any) -> None:
    question = (
        "SELECT (SELECT count(*) FROM access_entry WHERE act = 'line.answer'),"
        " (SELECT coalesce(jsonb_agg(counts ORDER BY id), '[]') FROM refusal_count)"
    )
    before = rows(superuser, question)
    tap("/line/" + weekly.token_of(uuid4()))
    assert rows(superuser, question) != before


def test_an_answer_counts_once_and_within_a_day(
    texted: str, shift_clock: Any, moment: datetime
) -> None:
    set_clock(shift_clock, moment + timedelta(hours=23, minutes=50))
    tap(texted)
    first = only().answered_at
    assert first is not None
    set_clock(shift_clock, moment + timedelta(hours=23, minutes=55))
    tap(texted)
    assert only().answered_at == first


def test_a_late_answer_changes_nothing(texted: str, shift_clock: Any, moment: datetime) -> None:
    set_clock(shift_clock, moment + timedelta(hours=24, minutes=1))
    assert tap(texted).status_code == 200
    assert only().answered_at is None


def test_two_answers_at_once_are_one(texted: str) -> None:
    together = threading.Barrier(2)

    def answer() -> int:
        try:
            together.wait(30)
            return int(tap(texted).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(answer) for _ in range(2)]
        assert {one.result() for one in found} == {200}
    assert only().answered_at is not None


def test_the_database_holds_neither_the_number_nor_the_address(texted: str, superuser: Any) -> None:
    found = rows(superuser, "SELECT to_jsonb(t)::text FROM line_test t", [])
    assert len(found) == 1
    token = texted.rsplit("/", 1)[1]
    for secret in (NUMBER, NUMBER[2:], token):
        assert secret not in found[0][0]
        assert secret.encode().hex() not in found[0][0]


def test_a_test_that_a_member_asks_for_is_answered_alike(api: Any, phones: PhoneProvider) -> None:
    channel = keep(api, "ywca.worker", "sms", NUMBER)
    assert api("ywca.worker").post(f"/v1/channels/{channel}/ring").status_code == 202
    send_messages()
    (link,) = scene.links(phones, NUMBER)
    tap(link)
    test = only()
    assert test.week is None
    assert test.answered_at is not None
    assert test.answered_at <= database_now("signin")


def test_a_member_says_at_the_desk_that_the_test_they_asked_for_came(
    api: Any, phones: PhoneProvider
) -> None:
    worker = api("ywca.worker")
    channel = keep(api, "ywca.worker", "voice", NUMBER)
    assert worker.post(f"/v1/channels/{channel}/ring").status_code == 202
    send_messages()
    for said, how in ((False, None), (True, "desk"), (False, "desk")):
        answer = worker.post(f"/v1/channels/{channel}/arrived", {"arrived": said})
        assert answer.status_code == 200, answer.content
        assert only().how == how


def test_a_weekly_test_is_not_answered_at_the_desk(
    api: Any, texted: str, phones: PhoneProvider
) -> None:
    """Its member asked for none, and may not know of it."""
    (channel,) = api("ywca.worker").get("/v1/channels").json()["own"]
    answer = api("ywca.worker").post(f"/v1/channels/{channel['id']}/arrived", {"arrived": True})
    assert answer.status_code == 409
    assert only().answered_at is None


def test_a_test_of_a_mailbox_is_what_it_was(api: Any, phones: PhoneProvider, mails: Any) -> None:
    channel = keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    assert api("ywca.worker").post(f"/v1/channels/{channel}/ring").status_code == 202
    send_messages()
    ((_to, mail),) = mails.received
    assert "This is a test." in str(mail.get_payload())
    assert not m.LineTest.objects.using("signin").exists()
