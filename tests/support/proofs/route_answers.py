"""Which of the cells of the route tables are asked, and what is answered."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support.ground.short_form import each_once
from tests.support.proofs.matrix import TryOut, acting_of, ask, browser, form
from tests.support.proofs.route_table import SIGNS_OUT, Row

Rows = dict[Row, dict[str, int]]
PutBack = Callable[[str, str, Any], None]


class Asked(NamedTuple):
    method: str
    route: str
    who: str


def every(rows: Rows) -> list[Asked]:
    return [Asked(*row, who) for row, answers in rows.items() for who in answers]


def in_turn(rows: Rows) -> list[Asked]:
    """Each route of a referral by each of the cast; any other by one of each role for each answer
    that the table has for that role, each person in turn."""
    found = []
    for number, (row, answers) in enumerate(rows.items()):
        alike: dict[tuple[str, int], list[str]] = {}
        for who, status in answers.items():
            role = who if "referral_id" in row[1] else who.rpartition(".")[2].rstrip("2")
            alike.setdefault((role, status), []).append(who)
        found += [Asked(*row, people[number % len(people)]) for people in alike.values()]
    return found


def each_answer(rows: Rows) -> list[Asked]:
    """Each route and each of the cast once for each answer that the table has for them."""
    return each_once(
        every(rows),
        axes=lambda one: ((one.method, one.route), one.who),
        outcome=lambda one: rows[one.method, one.route][one.who],
    )


def as_the_table_says(rows: Rows, asked: list[Asked]) -> dict[Asked, int]:
    return {one: rows[one.method, one.route][one.who] for one in asked}


def api_answers(asked: list[Asked], try_out: TryOut, put_back: PutBack) -> dict[Asked, int]:
    found, callers = {}, {}
    for one in asked:
        who = None if one.who == "none" else one.who
        if one.who.endswith("client") or one.who not in callers:  # a token lives five minutes
            callers[one.who] = try_out.api(who, acting_of(one.who))
        path = try_out.address(one.route)
        answer = ask(callers[one.who], one.method, path, try_out, one.route)
        found[one] = answer.status_code
        put_back(one.method, one.route, answer)
    return found


def desk_answers(asked: list[Asked], try_out: TryOut, put_back: PutBack) -> dict[Asked, int]:
    found: dict[Asked, int] = {}
    browsers: dict[str, Any] = {}
    for one in asked:
        http = browsers.get(one.who) or browsers.setdefault(one.who, browser(one.who))
        path = try_out.address(one.route)
        read = one.method == "GET"
        answer = http.get(path) if read else http.post(path, form(try_out, one.route))
        answer.close()
        found[one] = answer.status_code
        if one.route in SIGNS_OUT:
            del browsers[one.who]
        put_back(one.method, one.route, answer)
    return found
