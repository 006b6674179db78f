"""The registry of acts: each entry is whole, its function takes what it asks for, and what is made
by hand is of an act that is there. Who may and from where is held against tables of its own
(tests/policy/test_every_cell.py)."""

import ast
import inspect
from collections import Counter

import pytest
import yaml
from django.conf import settings

from api.desk.referral import acts as desk
from api.desk.referral.offers import OFFERED
from api.v1.referrals import acts as v1
from referrals.act_registry.registry import ACTS, CLOSING, LISTED, MOVES, RULES, Answer
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static


def test_the_tables_are_those_of_the_entries_in_the_order_that_is_listed() -> None:
    assert list(ACTS) == list(RULES) == list(MOVES)
    assert list(LISTED) == [name for name in ACTS if name in LISTED]
    assert set(OFFERED) <= set(desk.PAGES)
    for name, act in ACTS.items():
        assert (act.name, act.rule, act.move) == (name, RULES[name], MOVES[name])
        assert act.closes == (name in CLOSING)
        assert act.do.__name__ == name


def test_what_closes_to_readers_is_written_down_twice() -> None:
    """After each of these no read may commit: they take the referral's lock exclusively."""
    assert {
        *("withdraw", "stop", "mark_error", "block", "leads_only"),
        *("put_release", "revoke_release", "narrow_release"),
        *("put_return_release", "revoke_return_release", "undo_accept"),
    } == CLOSING


@pytest.mark.parametrize("name", [name for name, act in ACTS.items() if act.body is not None])
def test_the_function_takes_what_the_entry_asks_for(name: str) -> None:
    act = ACTS[name]
    assert act.body is not None
    given = {field.parameter: None for field in act.body.fields}
    given |= {"key" if act.answer is Answer.RECORD else "if_match": None}
    inspect.signature(act.do).bind("principal", "referral", **given)


def test_every_act_is_called_by_its_name_where_it_is_done() -> None:
    """The name that `act_transaction` is given is an act's."""
    said = set()
    for path in sorted((REPOSITORY / "referrals").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "act_transaction":
                said |= {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
    assert said <= set(ACTS)
    assert {"accept", "send", "withdraw", "put_packet"} <= said


def test_every_act_has_words_of_its_own() -> None:
    for name, act in ACTS.items():
        assert act.summary.endswith("."), name
        assert "\n" not in act.summary, name
        assert act.logged, name
    for words in ("summary", "description"):
        assert Counter(getattr(act, words) for act in ACTS.values()).most_common(1)[0][1] == 1


def test_each_act_has_one_way_in_over_http_and_one_at_the_desk() -> None:
    for name in ACTS:
        if name not in v1.ELSEWHERE:
            assert v1.route(name).name is None
    for name in desk.PAGES:
        assert callable(desk.view(name))
    assert set(ACTS) - set(desk.PAGES) == {"create", "delivered"}


def test_every_operation_of_the_contract_has_a_summary_and_a_description_of_its_own() -> None:
    contract = yaml.safe_load((settings.BASE_DIR / "openapi" / "v1.yaml").read_text())
    operations = [
        operation
        for path in contract["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    for words in ("summary", "description"):
        said = Counter(one.get(words) for one in operations)
        assert [text for text, times in said.items() if times > 1 or not text] == [], words
