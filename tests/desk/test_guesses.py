"""Guesses of one person's password from many addresses; the whole of it: tests/slow."""

import re
from typing import Any

import pytest
from django.core.cache import cache

from tests.desk.own_people import Own, at_own_desk
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.guesses import (
    guess,
    hash_runs,
    known_device,
    owner_gets_in,
    post,
    statements,
)
from tests.support.people.passkeys import Passkey, add

MOST_AN_HOUR = 10


@pytest.fixture
def passkey(own: Own) -> Passkey:
    made = Passkey()
    add(at_own_desk(own), made)
    cache.clear()
    return made


@pytest.mark.whole
def test_of_300_guesses_from_20_addresses_ten_an_hour_are_tried(
    own: Own, passkey: Passkey, shift_clock: Any
) -> None:
    device = known_device(own)
    tried, total = 0, 0
    for block in range(3):
        number, answers = guess(own["username"], 100, 20, begin=100 * block)
        tried, total = tried + number, total + answers.total()
        assert set(answers) <= {200, 429}
        owner_gets_in(own, device, passkey)
    assert total == 300
    assert 0 < tried <= MOST_AN_HOUR
    shift_clock("61 minutes")
    number, _ = guess(own["username"], 60, 20, begin=300)
    assert 0 < number <= MOST_AN_HOUR, "in the next hour no more"
    owner_gets_in(own, device, passkey)


def without_what_changes(answer: Any) -> str:
    """The page without its form's token and the request's id."""
    page = re.sub(r'(csrfmiddlewaretoken" value=)"[^"]+"', r"\1", answer.content.decode())
    return page.replace(answer["X-Request-Id"], "")


@pytest.mark.parametrize("earlier", [0, 5, 12])
def test_a_name_that_no_one_has_gets_the_same_answer_after_the_same_work(
    own: Own, earlier: int
) -> None:
    """Before the brake, behind the one of a network, and behind the one of an account."""
    found = []
    for at, name in enumerate((own["username"], "own-" + "0" * 32 + "-none")):
        for number in range(earlier):
            post(name, "wrong", f"203.{at}.{number // 6}.7")
        with hash_runs() as runs, statements() as asked:
            answer = post(name, "wrong", f"203.{at}.0.7")
        page = without_what_changes(answer).replace(name, "NAME")
        headers = sorted(answer.headers)
        found.append((answer.status_code, runs.count, len(asked), asked, page, headers))
    known, unknown = found
    assert known[:3] == unknown[:3]
    assert known[3] == unknown[3], "the same statements"
    assert known[4] == unknown[4], "the same page"
    assert known[5] == unknown[5]
    assert known[1] == (1 if earlier < 5 else 0)
