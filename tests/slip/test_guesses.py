"""Guesses at the survivor's page: how many there are, and that no answer tells what was wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.db import connections, transaction

from permissions.identity import brakes
from referrals.deadlines import removal
from referrals.slip import code_and_word, visits
from tests.slip.scene import WRONG, Survivor, end_slip, give
from tests.slip.scene import no_count_stays as no_count_stays  # a fixture
from tests.slip.scene import shared as shared  # a fixture
from tests.slip.scene import survivor as survivor  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.stories import Story

# -- Guesses ---------------------------------------------------------------------------------------


def test_five_wrong_words_block_a_slip_for_an_hour(survivor: Survivor, shift_clock: Any) -> None:
    for _ in range(visits.IN_AN_HOUR.most):
        assert survivor.enters(word=WRONG)["Location"] == "/slip?said=no"
    assert not survivor.gets_in(), "nor does the right one tell that it is right"
    shift_clock("61 minutes")
    assert survivor.gets_in()


def test_right_words_use_up_nothing(survivor: Survivor) -> None:
    for _ in range(visits.IN_AN_HOUR.most + 1):
        assert survivor.gets_in()


def test_thirty_wrong_words_end_a_slip(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    for hour in range(visits.IN_ALL.most // visits.IN_AN_HOUR.most):
        shift_clock(f"{hour * 61} minutes")
        for _ in range(visits.IN_AN_HOUR.most):
            survivor.enters(word=WRONG)
    shift_clock("2 days")
    assert not survivor.gets_in()
    assert Survivor(give(shared)).gets_in(), "a new slip has tries of its own"


def test_while_the_network_is_guessed_at_a_survivor_still_gets_in(survivor: Survivor) -> None:
    """Strangers cannot lock the survivors out, and those who guess get fewer tries."""
    for _ in range(visits.OF_NETWORK.most):
        brakes.has_turn(visits.OF_NETWORK, "", using="signin")
    assert survivor.gets_in()
    for _ in range(visits.WHILE_GUESSED.most):
        survivor.enters(word=WRONG)
    assert not survivor.gets_in()


def test_codes_that_there_are_not_fill_no_table(network: Any, superuser: Any) -> None:
    survivor = Survivor()
    for _ in range(visits.BUCKETS // 2):
        survivor.enters(code_and_word.new_code())
    before = rows(superuser, "SELECT count(*)::int FROM recent_count")[0][0]
    assert before <= 3 * visits.BUCKETS + 1
    limits = (visits.IN_AN_HOUR, visits.IN_ALL, visits.WHILE_GUESSED)
    for _ in range(visits.BUCKETS * 4):
        for limit in limits:
            code_hash = code_and_word.hash_code(code_and_word.new_code())
            brakes.has_turn(limit, f"none {code_hash[0] % visits.BUCKETS}", using="signin")
    after = rows(superuser, "SELECT count(*)::int FROM recent_count")[0][0]
    assert after <= 3 * visits.BUCKETS + 1


def test_a_code_has_more_than_sixty_random_bits() -> None:
    assert len(code_and_word.LETTERS) ** (code_and_word.LENGTH - 1) > 2**60
    assert not set(code_and_word.LETTERS) & set("AEIOUY0123456789"), "no words, no digits"


def test_a_slip_of_the_finger_is_found_and_not_counted(survivor: Survivor) -> None:
    code = survivor.code
    for at, letter in enumerate(code):
        for other in code_and_word.LETTERS:
            if letter not in ("-", other):
                assert code_and_word.plain_code(code[:at] + other + code[at + 1 :]) is None
    wrong = code[:-1] + ("B" if code[-1] != "B" else "C")
    for _ in range(visits.IN_AN_HOUR.most + 1):
        assert survivor.enters(wrong)["Location"] == "/slip?said=code"
    assert survivor.gets_in()


# -- The time and the words of an answer -----------------------------------------------------------


class CountingHasher(ScryptPasswordHasher):
    """The product's hasher, which counts its work."""

    worked: list[str] = []

    def encode(self, password: str, salt: str, *more: Any, **named: Any) -> str:
        self.worked.append("hash")
        return str(super().encode(password, salt, *more, **named))


def _unknown(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    survivor.code = code_and_word.new_code()


def _wrong(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    survivor.word = WRONG


def _ended(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    end_slip(shared)


def _too_old(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    shift_clock("91 days")


def _withdrawn(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    shared.sends("withdraw", {"code": "no_longer_wanted"})


def _purged(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    with transaction.atomic(using="jobs"):
        removal.REMOVALS["sent"](shared.id, agency_id("police"))  # type: ignore[arg-type]


def _too_often(survivor: Survivor, shared: Story, shift_clock: Any) -> None:
    for _ in range(visits.IN_AN_HOUR.most):
        survivor.enters(word=WRONG)


@pytest.mark.parametrize(
    "spoil",
    [_wrong, _ended, _too_old, _withdrawn, _purged, _too_often],
    ids=lambda one: one.__name__,
)
def test_whatever_is_wrong_is_answered_alike_after_the_same_work(
    survivor: Survivor,
    shared: Story,
    shift_clock: Any,
    settings: Any,
    spoil: Callable[[Survivor, Story, Any], None],
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    code_and_word.prepare()
    survivor.enters(code_and_word.new_code())  # the log's row of this minute
    spoil(survivor, shared, shift_clock)
    survivor.enters(code_and_word.new_code())
    found = _answer(survivor)
    unknown = Survivor(code_and_word.new_code(), http=survivor.http)
    assert found == _answer(unknown)
    assert found[0] == (302, "/slip?said=no")
    assert found[1] == ["hash"], "one slow hash each time"


def _answer(survivor: Survivor) -> tuple[Any, ...]:
    """What is answered, the slow hashes, and the statements of each connection."""
    form = survivor.http.hidden("/slip")
    CountingHasher.worked.clear()
    said: list[tuple[str, str]] = []
    with _listening("default", said), _listening("signin", said):
        body = {**form, "code": survivor.code, "word": survivor.word}
        answer = survivor.http.http.post("/slip", body)
    names = sorted(name for name, _ in answer.items())
    return (
        (answer.status_code, answer["Location"]),
        list(CountingHasher.worked),
        said,
        names,
        answer.content,
        sorted(answer.cookies),
    )


@contextmanager
def _listening(alias: str, said: list[tuple[str, str]]) -> Iterator[None]:
    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        said.append((alias, str(sql)))
        return execute(sql, *rest)

    with connections[alias].execute_wrapper(listen):
        yield
