"""`make mutate` itself: what it finds to weaken, that it sees a mutant die and another survive."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from permissions.errors import Unavailable
from permissions.keys import keystore
from referrals.act_registry.registry import RULES
from tests.mutate import code, reach, sql
from tests.mutate.conditions import dropped
from tests.mutate.courts import answered_otherwise
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.judges import JUDGES
from tests.mutate.run import TESTS, Campaign
from tests.mutate.sql import Mutant
from tests.support.ground.repository import REPOSITORY
from tests.support.proofs.matrix import put_back as put_back  # a fixture
from tests.support.proofs.matrix import try_out as try_out  # a fixture
from tests.support.proofs.policy_probe import World, probe
from tests.support.proofs.policy_probe import world as world  # a fixture


class Told(Campaign):
    """A run without a session of its own: what it says, is kept."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_mutant_that_leaks_is_caught_and_one_that_changes_nothing_survives(
    world: World,
    superuser: Any,
) -> None:
    run = Told()
    wanted = (
        "note.opened USING without referral_id = ( SELECT sec.opened_notes_referral_id() AS"
        " opened_notes_referral_id)"
    )
    leaking = next(one for one in sql.of_policies(superuser) if one.name == wanted)
    asked = "sec.is_assigned: true for s.membership_id = me.member_id"
    asking = next(one for one in sql.of_functions(superuser) if one.name == asked)
    nothing = Mutant("policy", "nothing is taken away", nullcontext, "note")
    run.mutants = [leaking, asking, nothing]
    run.judge("the probe", lambda one: True, lambda one: next(probe(world, "note"), None))
    assert set(run.caught) == {leaking.name, asking.name}
    assert run.verdict() == 1
    assert "SURVIVES  nothing is taken away" in run.lines
    run.mutants.remove(nothing)
    run.only = re.compile("note")
    assert run.verdict() == 0
    assert next(probe(world, "note"), None) is None, "all is as it was"


def test_a_function_is_judged_by_the_tests_that_call_it_the_quickest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    named = request.node  # it says sec.assigned_to_nobody
    slow, other, quick = (
        SimpleNamespace(nodeid=f"tests/test_{name}.py::test_it", function=nullcontext)
        for name in ("slow", "other", "quick")
    )
    lines = [
        {"test": named.nodeid, "seconds": 9.0, "functions": ["sec.assigned_to_nobody"]},
        {"test": slow.nodeid, "seconds": 2.0, "functions": ["sec.assigned_to_nobody"]},
        {"test": other.nodeid, "seconds": 0.1, "functions": ["sec.is_assigned"]},
        {"test": quick.nodeid, "seconds": 1.0, "functions": ["sec.assigned_to_nobody"]},
    ]
    (tmp_path / "gw0.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines[:2]))
    (tmp_path / "gw1.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines[2:]))
    monkeypatch.setattr(reach, "FOLDER", tmp_path)
    mutant = Mutant("function", "one of its conditions", nullcontext, "assigned_to_nobody")
    judges = [other, slow, quick, named]
    assert Told()._judges_of(mutant, judges) == [named, quick, slow]
    assert Told()._judges_of(mutant, [slow, other, quick, named]) == [slow, named, quick]
    monkeypatch.setattr(reach, "FOLDER", tmp_path / "nothing")
    assert reach.read() == {}


def test_the_tests_can_be_run_with_what_learns_their_reach(tmp_path: Path) -> None:
    """`make mutate` begins so; without a server, a fixture that fits no other is seen as well."""
    words = ["-q", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider", "--setup-plan"]
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *words),
            *("-p", "tests.mutate.reach", "tests/policy/test_first_wall.py"),
        ],
        cwd=REPOSITORY,
        env=kept | {"CAIRN_TEST_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_matrix_sees_a_rule_that_is_looser_and_none_that_is_not(
    try_out: Any,
    put_back: Any,
) -> None:
    wanted = "withdraw: any worker on the from_side, not a member assigned to it, or a lead"
    loose = next(one for one in code.of_rules() if one.name == wanted)
    with loose.applied():
        assert answered_otherwise("withdraw", try_out, put_back)
    assert answered_otherwise("withdraw", try_out, put_back) is None


@pytest.mark.no_database
def test_it_begins_in_a_process_of_its_own_and_finds_each_check_that_it_takes_away() -> None:
    """Before pytest has set Django up; and of what is named by its text, that it is still there."""
    begins = [sys.executable, "-c", "import tests.mutate.run"]
    said = subprocess.run(begins, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    found = [one.name for one in code.of_checks()]
    assert len(found) == len(set(found)) > 100
    assert "referrals.queries.seen: nothing that closes waits for readers" in found


def test_what_is_listed_as_the_same_and_is_caught_fails_the_run() -> None:
    run, listed = Told(), next(iter(EQUIVALENT))
    run.mutants = [Mutant("policy", listed, nullcontext, "note")]
    run.only = re.compile("x")
    assert run.verdict() == 0, "it is in the list"
    run._spent(run.mutants[0], 0.0)
    run._caught(run.mutants[0], "somebody")
    assert run.verdict() == 1


def test_an_empty_run_is_no_success() -> None:
    assert Told().verdict() == 1


class Heard(Told):
    """Its judges are functions: what one says, it returns."""

    def _failure(self, item: Any, seconds: int = 0) -> str | None:
        said: str | None = item.function()
        return said


@pytest.mark.no_database
def test_what_a_judge_caught_that_fails_by_itself_by_then_is_tried_again() -> None:
    weakened, worn = set[str](), set[str]()

    @contextmanager
    def weakening(wears: bool) -> Iterator[None]:
        weakened.add("a rule")
        yield
        weakened.clear()
        if wears:
            worn.add("what one of them looks at")

    run = Heard()
    run.by = ["those below"]
    run.mutants = [
        Mutant("rule", "the first", lambda: weakening(False), ""),
        Mutant("rule", "which spoils", lambda: weakening(True), ""),
        Mutant("rule", "which does nothing", nullcontext, ""),
    ]
    quick = SimpleNamespace(nodeid="tests/quick", function=lambda: weakened or worn or None)
    sound = SimpleNamespace(nodeid="tests/sound", function=lambda: weakened or None)
    run._try_all([quick, sound])
    assert {name: judge for name, (judge, _) in run.caught.items()} == {
        "the first": "sound",
        "which spoils": "sound",
    }
    assert run.survivors() == ["which does nothing"]


@pytest.mark.no_database
def test_each_condition_of_a_function_is_dropped_once() -> None:
    body = """
    BEGIN  -- IF this AND that
        IF a IS NULL OR NOT coalesce(b AND c, false) THEN
            RETURN;
        END IF;
        SELECT 1 FROM t JOIN u ON u.x = t.x AND u.y WHERE t.z = 'x AND y' ORDER BY 1;
        IF EXISTS (SELECT FROM t WHERE (t.a OR t.b)) THEN RETURN sec.is_assigned(r); END IF;
    END"""
    assert [(one.condition, one.answer) for one in dropped(body)] == [
        ("a IS NULL", "false"),
        ("NOT coalesce(b AND c, false)", "false"),
        ("b", "true"),
        ("c", "true"),
        ("u.x = t.x", "true"),
        ("u.y", "true"),
        ("t.z = 'x AND y'", "true"),
        ("EXISTS (SELECT FROM t WHERE (t.a OR t.b))", "true"),
        ("EXISTS (SELECT FROM t WHERE (t.a OR t.b))", "false"),
        ("t.a", "false"),
        ("t.b", "false"),
        ("sec.is_assigned(r)", "true"),
        ("sec.is_assigned(r)", "false"),
    ]


def test_the_live_code_is_changed_for_a_while() -> None:
    sealed = keystore.seal(bytes(32), b"x", "here")
    mutant = next(one for one in code.of_checks() if "without the context" in one.name)
    with mutant.applied():
        moved = keystore.seal(bytes(32), b"x", "here")
        assert keystore.unseal(bytes(32), moved, "there") == b"x"
    for blob in (sealed, moved):
        with pytest.raises(Unavailable):
            keystore.unseal(bytes(32), blob, "there")
    rule = RULES["accept"]
    loose = next(one for one in code.of_rules() if one.name.startswith("accept: any worker"))
    with loose.applied():
        assert RULES["accept"] != rule
    assert RULES["accept"] == rule


def test_every_protected_table_every_function_and_every_line_has_its_mutants(
    superuser: Any,
) -> None:
    asked = {
        table for table, _, _, *texts in sql.policies(superuser) if set(texts) - {None, "true"}
    }
    assert {one.about for one in sql.of_policies(superuser)} == asked
    assert {one.about for one in code.of_rules()} == set(RULES)
    names = {one.about for one in sql.of_functions(superuser)}
    assert {
        "identity",
        "current_opening",
        "is_not_blocked",
        "store_grant",
        "caller_relation",
    } <= names
    missing = {name for names in JUDGES.values() for name in names} - {
        path.stem.removeprefix("test_") for path in TESTS.rglob("test_*.py")
    }
    assert missing == set(), "judges that are no more"


@pytest.mark.parametrize("name", sorted(sql.DECIDE_NOTHING))
def test_what_is_said_to_decide_nothing_still_exists(superuser: Any, name: str) -> None:
    assert name in {function for function, *_ in sql.functions(superuser)}
