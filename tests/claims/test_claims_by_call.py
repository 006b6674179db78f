"""A member keys the two digits that a call to their own line speaks: right, wrong, late, twice, at
once, by who may not know, and never from a shared line."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from tests.support.people.awake import (
    LINK,
    OVER,
    THANKS,
    WRONG,
    asked,
    claims,
    keys,
    other,
    own_calls,
    rings,
    said,
    voices,
)
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages
from tests.support.people.notifications import keep, off_duty, work
from tests.support.people.rota import set_rotation
from tests.support.people.stories import Story, to
from tests.support.servers.message_servers import MailServer, PhoneProvider

FIRST = "ywca.worker2"


@pytest.fixture
def rota(api: Any, mails: MailServer, phones: PhoneProvider, reachable: None) -> PhoneProvider:
    voices(api, FIRST, "ywca.worker")
    set_rotation(api, (FIRST, "ywca.worker", "ywca.lead"))
    work()
    phones.received.clear()
    return phones


def log(superuser: Any, story: Story) -> list[tuple[Any, ...]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT decision, rule FROM access_entry WHERE act = 'referral.claim'"
            " AND referral_id = %s ORDER BY at, id",
            [story.id],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def test_the_right_digits_are_the_members_word_for_five_minutes(
    story: Story, rota: PhoneProvider, superuser: Any
) -> None:
    digits, link = rings(story, rota)
    assert THANKS in said(keys(link, digits))
    assert claims(superuser, story) == [("call", 300)]
    assert log(superuser, story) == [("allowed", None)]


def test_twice_is_one_claim(story: Story, rota: PhoneProvider, superuser: Any) -> None:
    digits, link = rings(story, rota)
    assert [THANKS in said(keys(link, digits)) for _ in range(5)] == [True] * 5
    assert len(claims(superuser, story)) == 1


def test_at_once_is_one_claim(story: Story, rota: PhoneProvider, superuser: Any) -> None:
    digits, link = rings(story, rota)

    def key(_: int) -> str:
        try:
            return said(keys(link, digits))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        heard = list(pool.map(key, range(8)))
    assert all(THANKS in one for one in heard)
    assert len(claims(superuser, story)) == 1


def test_wrong_digits_can_be_keyed_again_and_three_end_it(
    story: Story, rota: PhoneProvider, superuser: Any
) -> None:
    digits, link = rings(story, rota)
    for given in (other(digits), ""):
        answer = keys(link, given)
        assert WRONG in said(answer)
        assert b"<Gather" in answer.content
    answer = keys(link, "é" * 4000)
    assert b"<Gather" not in answer.content
    assert "Others are called" in said(keys(link, digits)), "the right ones are too late"
    assert claims(superuser, story) == []
    assert log(superuser, story) == [("refused", "wrong_code")] * 3


def test_at_once_no_more_than_three_wrong_ones_are_judged(
    story: Story, rota: PhoneProvider, superuser: Any
) -> None:
    digits, link = rings(story, rota)

    def key(_: int) -> None:
        try:
            keys(link, other(digits))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(key, range(8)))
    assert log(superuser, story) == [("refused", "wrong_code")] * 3


def test_it_never_lasts_past_the_time_to_acknowledge(
    story: Story, rota: PhoneProvider, superuser: Any, shift_clock: Any
) -> None:
    digits, link = rings(story, rota)
    shift_clock("13 minutes")
    assert THANKS in said(keys(link, digits))
    ((how, lasts),) = claims(superuser, story)
    assert how == "call"
    assert 60 < lasts <= 120


@pytest.mark.parametrize("answered", [True, False])
def test_late_digits_claim_nothing(
    story: Story, rota: PhoneProvider, superuser: Any, shift_clock: Any, answered: bool
) -> None:
    digits, link = rings(story, rota)
    if answered:
        story.answers("acknowledge")
    else:
        shift_clock("15 minutes 1 second")
    assert OVER in said(keys(link, digits))
    assert claims(superuser, story) == []
    assert log(superuser, story) == [("refused", "claim_over")]


def test_once_it_is_over_there_is_no_second_one(
    story: Story, rota: PhoneProvider, superuser: Any, shift_clock: Any
) -> None:
    digits, link = rings(story, rota)
    keys(link, digits)
    shift_clock("5 minutes 1 second")
    assert OVER in said(keys(link, digits))
    assert claims(superuser, story) == [("call", 300)]


def test_who_is_barred_meanwhile_hears_what_a_wrong_code_hears(
    story: Story, api: Any, rota: PhoneProvider, superuser: Any
) -> None:
    digits, link = rings(story, rota)
    assert api("ywca.lead").act(story.id, "block", to(FIRST)).status_code == 200
    right, wrong = keys(link, digits), keys(link, other(digits))
    assert right.content == wrong.content
    assert WRONG in said(right)
    assert claims(superuser, story) == []


def test_who_has_left_cannot_claim(story: Story, rota: PhoneProvider, superuser: Any) -> None:
    digits, link = rings(story, rota)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET active = false WHERE id = %s",
            [str(member_id(FIRST))],
        )
    try:
        assert WRONG in said(keys(link, digits))
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(
                "UPDATE permissions_membership SET active = true WHERE id = %s",
                [str(member_id(FIRST))],
            )
    assert claims(superuser, story) == []


def test_a_shared_line_and_a_contact_outside_are_asked_for_nothing(
    story: Story, api: Any, rota: PhoneProvider
) -> None:
    keep(api, "ywca.admin", "voice", "406-555-0161", use="duty")
    keep(api, "ywca.admin", "voice", "406-555-0162", use="escalation")
    rings(story, rota)
    for to_number in ("+14065550161", "+14065550162"):
        for _, form in rota.to(to_number):
            assert "Gather" not in form["Twiml"]
    assert rota.to("+14065550161")


def test_what_is_no_emergency_asks_for_nothing(story: Story, rota: PhoneProvider) -> None:
    story.send()
    work()
    (twiml,) = own_calls(rota, FIRST)
    assert "Gather" not in twiml


def test_a_call_of_the_senders_side_asks_for_nothing(
    story: Story, api: Any, rota: PhoneProvider, shift_clock: Any
) -> None:
    voices(api, "police.worker")
    story.create(urgency="emergency").send()
    work()
    shift_clock("15 minutes 1 second")
    work()
    calls = own_calls(rota, "police.worker")
    assert calls
    assert not any("Gather" in one for one in calls)


def test_each_call_has_digits_and_an_address_of_its_own(
    story: Story, api: Any, rota: PhoneProvider
) -> None:
    off_duty(api, "ywca.worker", duty="on_call")
    found = {rings(story, rota, FIRST), asked(own_calls(rota, "ywca.worker")[-1])}
    for _ in range(4):
        found.add(rings(Story(api, story.service_id), rota))
    assert len({link for _, link in found}) == 6
    assert len({digits for digits, _ in found}) > 1


@pytest.mark.parametrize("fault", ["unsigned", "another token", "another call", "no token"])
def test_only_the_provider_answers_for_a_call_that_was_made(
    story: Story, rota: PhoneProvider, superuser: Any, fault: str
) -> None:
    digits, link = rings(story, rota)
    changed = f"{link[:-2]}{'A' if link[-2] != 'A' else 'B'}{link[-1]}"
    answer = {
        "unsigned": lambda: Pages().http.post(
            link.removeprefix(settings.BASE_URL.rstrip("/")), {"Digits": digits}
        ),
        "another token": lambda: keys(link, digits, token="another"),
        "another call": lambda: keys(changed, digits),
        "no token": lambda: keys(f"{link.rpartition('/')[0]}/x", digits),
    }[fault]()
    assert answer.status_code == 404
    assert claims(superuser, story) == []


def test_the_voice_answers_in_the_language_of_the_call(
    story: Story, api: Any, rota: PhoneProvider
) -> None:
    keep(api, FIRST, "voice", "406-555-0182", language="es")
    story.create(urgency="emergency").send()
    work()
    twiml = own_calls(rota, FIRST)[-1]
    assert 'language="es-US"' in twiml
    digits, link = "".join(re.findall(r"(\d), (\d)\.", twiml)[-1]), LINK.findall(twiml)[0]
    answer = keys(link, digits)
    assert 'language="es-US"' in answer.content.decode()
    assert "Gracias" in said(answer)
