"""10,000 guesses of one person's password from 200 addresses within an hour."""

from typing import Any

from django.core.cache import cache

from tests.desk.own_people import Own, at_own_desk
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.guesses import guess, known_device, owner_gets_in
from tests.support.people.passkeys import Passkey, add

GUESSES, ADDRESSES, MOST_AN_HOUR = 10_000, 200, 10


def test_of_10000_guesses_ten_are_tried_and_the_owner_gets_in_throughout(
    own: Own, shift_clock: Any
) -> None:
    passkey = Passkey()
    add(at_own_desk(own), passkey)
    cache.clear()
    device, tried, block = known_device(own), 0, 500
    for begin in range(0, GUESSES, block):
        shift_clock(f"{begin // 200} minutes")  # the last one begins 47 minutes later
        number, answers = guess(own["username"], block, ADDRESSES, begin)
        assert answers.total() == block
        tried += number
        owner_gets_in(own, device, passkey)
    assert 0 < tried <= MOST_AN_HOUR
    print(f"{GUESSES:,} guesses from {ADDRESSES} addresses: {tried} tried")
