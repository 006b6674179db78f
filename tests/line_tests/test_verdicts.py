"""What tests say of a line: until when it is known to answer, and when it is silent."""

from datetime import UTC, datetime, timedelta

import pytest

from referrals.notifications.line_tests.verdicts import PastTest, answers_at, is_silent

pytestmark = pytest.mark.static

START = datetime(2026, 3, 2, 17, tzinfo=UTC)


def after(days: float) -> datetime:
    return START + timedelta(days=days)


def sent(day: float, answered: float | None = None, *, weekly: bool = True) -> PastTest:
    """`answered`: hours later."""
    at = None if answered is None else after(day) + timedelta(hours=answered)
    return PastTest("voice", weekly, after(day), at)


def test_a_line_answers_from_its_answer_for_fourteen_days_of_its_test() -> None:
    found = [sent(0, answered=2)]
    asked = {day: answers_at(found, after(day)) for day in (0, 1 / 24, 2 / 24, 13.99, 14)}
    assert list(asked.values()) == [False, False, True, True, False]


def test_a_newer_test_counts_once_it_is_over() -> None:
    found = [sent(0, answered=0), sent(7)]
    assert answers_at(found, after(7.9))  # it can still be answered
    assert not answers_at(found, after(8))
    found = [sent(0, answered=0), sent(7, answered=23)]
    assert answers_at(found, after(7.9))
    assert answers_at(found, after(20.9))
    assert not answers_at(found, after(21))


def test_a_line_that_was_never_tested_does_not_answer() -> None:
    assert not answers_at([], START)
    assert not is_silent([], START)


def test_a_line_is_silent_after_two_tests_running() -> None:
    assert not is_silent([sent(0)], after(3))
    assert not is_silent([sent(0), sent(7)], after(7.9))
    assert is_silent([sent(0), sent(7)], after(8))
    assert not is_silent([sent(0), sent(7, answered=1), sent(14)], after(15))
    assert is_silent([sent(0, answered=1), sent(7), sent(14)], after(15))
    assert not is_silent([sent(0), sent(7), sent(14, answered=1)], after(15))


def test_a_test_that_a_member_asked_for_helps_and_never_harms() -> None:
    asked = sent(9, weekly=False)
    answered = sent(9, answered=1, weekly=False)
    assert not is_silent([sent(7), asked], after(12))
    assert is_silent([sent(0), sent(7), asked], after(12))
    assert not is_silent([sent(0), sent(7), answered], after(12))
    assert answers_at([sent(7, answered=1), asked], after(12))
    assert answers_at([sent(7), answered], after(12))


def test_a_weekly_test_that_is_open_does_not_end_a_silence() -> None:
    assert is_silent([sent(0), sent(7), sent(14)], after(14.5))
