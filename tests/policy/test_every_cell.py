"""Every cell (state × act × side × who): allowed or refused, in two tables to read.

Written from docs/rules.md, not from RULES and MOVES, which are held against them. A cell names who
may: w a worker who is not on it, a one who is assigned, h the holder, l a lead who is not on it;
`.` nobody. What a colleague sees is asked of the real thing: the acts that are open to her, in a
referral brought to that state, by the same questions that every act asks.
"""

from typing import Any

import pytest

from referrals.act_registry.registry import MOVES, RULES
from referrals.deadlines import overdue
from tests.support.people.states import CELLS, CLOCK, ROADS, SHOWN, bring
from tests.support.people.stories import Story

# Nobody's by hand: a draft is begun without a state, a receipt is a partner system's.
NEITHER = {"create", "delivered"}


@pytest.mark.parametrize("state", ROADS)
def test_every_cell_is_allowed_or_refused_as_the_tables_say(
    state: str, story: Story, api: Any, shift_clock: Any
) -> None:
    wrong = []
    for colleagues in (False, True):
        one = Story(api, story.service_id)
        bring(one, api, state, colleagues=colleagues)
        shift_clock(CLOCK.get(state, "0"))
        if state == "expired":
            assert overdue.mark_all_missed()["expires_at"] >= 1
        for side, shown in zip(("police", "ywca"), SHOWN[state], strict=True):
            held = side == "police" or bool(ROADS[state])
            people = {"h": "worker", "l": "lead", "w": "worker2"} if held else {}
            if not held:
                people = {"w": "worker", "l": "lead"}
            if colleagues:
                people = {"a": "worker2"} if held else {}
            for letter, short in people.items():
                answer = api(f"{side}.{short}").get(f"/v1/referrals/{one.id}")
                if shown is None:
                    assert answer.status_code == 404
                    continue
                assert answer.json()["status"] == shown
                allowed = {
                    act for (act, of), who in CELLS[side].items() if of == shown and letter in who
                }
                found = set(answer.json()["acts"])
                wrong += [(side, letter, act, shown) for act in found ^ allowed]
        shift_clock("0")
    assert wrong == []


def test_the_tables_know_every_act_of_each_side() -> None:
    for side, key in (("from_side", "police"), ("to_side", "ywca")):
        ours = {act for act, move in MOVES.items() if getattr(move, side) is not None}
        assert {act for act, _ in CELLS[key]} == ours - NEITHER
    assert set(RULES) == set(MOVES)


def test_no_one_but_workers_and_leads_is_offered_any(story: Story, api: Any) -> None:
    story.accept()
    for who in ("police.admin", "police.auditor", "ywca.editor", "outsider.lead"):
        assert api(who).get(f"/v1/referrals/{story.id}").status_code == 404, who
