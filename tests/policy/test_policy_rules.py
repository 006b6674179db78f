"""The policy table asked directly, every act of it: what each check refuses by itself."""

from dataclasses import replace
from uuid import uuid4

import pytest

from permissions.errors import NotPermitted
from permissions.policy import rules
from permissions.policy.rules import (
    CallerRelation,
    require_directory_editor,
    require_webhook_manager,
)
from permissions.principal import Principal
from referrals.act_registry.registry import MOVES, RULES
from referrals.act_registry.transitions import require

pytestmark = pytest.mark.static

LEAD = Principal(
    agency_id=uuid4(),
    member_id=uuid4(),
    person_id=uuid4(),
    client_id=None,
    roles=frozenset({"worker", "lead"}),
    scopes=frozenset(),
    agency_kind="social_service",
    duties=frozenset(),
    system_of_record=False,
    token_hash="",
)
EVERY_SCOPE = frozenset({"referrals:read", "referrals:write", "packets:read", "directory:read"})
EVERY_SCOPE |= {"directory:write", "events:read", "audit:read"}
SYSTEM = replace(LEAD, client_id=uuid4(), scopes=EVERY_SCOPE, system_of_record=True)
OPENS = {"open_packet", "open_notes", "account_disclosures"}
OF_A_MACHINE = {"delivered"}  # a receipt, which a system gives in nobody's name (R15)
SCOPES = dict.fromkeys(OPENS, "packets:read") | {"delivered": "referrals:read"}


def permitted(principal: Principal, act: str, standing: CallerRelation) -> bool:
    return rules.is_permitted(principal, act, RULES[act], standing)


def sides(act: str) -> list[CallerRelation]:
    """Where she is all that one can be to it, on each side whose act it is."""
    rule = RULES[act]
    found = [("from", rule.from_side), ("to", rule.to_side)]
    return [CallerRelation(side, True, True, accepted=True) for side, who in found if who]


def refusal(principal: Principal, act: str, standing: CallerRelation) -> str | None:
    try:
        require(principal, act, standing)
    except NotPermitted as refused:
        assert not permitted(principal, act, standing)
        return refused.code
    assert permitted(principal, act, standing)
    return None


def test_each_side_that_may_act_has_states_to_act_from() -> None:
    for act, rule in RULES.items():
        if act != "create":
            assert (rule.from_side is None) == (MOVES[act].from_side is None), act
            assert (rule.to_side is None) == (MOVES[act].to_side is None), act


@pytest.mark.parametrize("act", sorted(set(RULES) - OF_A_MACHINE))
def test_each_check_refuses_by_itself(act: str) -> None:
    assert sides(act), act
    for standing in sides(act):
        assert refusal(LEAD, act, standing) is None
        assert refusal(SYSTEM, act, standing) is None
        without = replace(SYSTEM, scopes=EVERY_SCOPE - {SCOPES.get(act, "referrals:write")})
        assert refusal(without, act, standing) == "scope_missing"
        nobody = replace(SYSTEM, member_id=None, person_id=None)
        assert refusal(nobody, act, standing) == "acting_member_needed"
        for other in (LEAD, SYSTEM):
            admin = replace(other, roles=frozenset({"agency_admin", "auditor"}))
            assert refusal(admin, act, standing) == "role_missing"
        plain = replace(SYSTEM, system_of_record=False)
        assert refusal(plain, act, standing) == ("not_system_of_record" if act in OPENS else None)


@pytest.mark.parametrize("act", sorted(OF_A_MACHINE))
def test_what_a_machine_says_no_person_says(act: str) -> None:
    for standing in sides(act):
        assert refusal(LEAD, act, standing) == "client_only"
        assert refusal(replace(SYSTEM, member_id=None), act, standing) is None
        without = replace(SYSTEM, scopes=EVERY_SCOPE - {SCOPES[act]})
        assert refusal(without, act, standing) == "scope_missing"


def test_an_act_of_one_side_is_refused_to_the_other_whoever_asks() -> None:
    for act, rule in RULES.items():
        for side, who in (("from", rule.from_side), ("to", rule.to_side)):
            if who is None:
                assert refusal(LEAD, act, CallerRelation(side, True, True)) == "wrong_side", act


def test_an_act_without_a_rule_is_an_error_and_never_a_yes() -> None:
    with pytest.raises(KeyError):
        require(LEAD, "an act of nobody's", CallerRelation("from", True, True))


# act, side → who of it may, by the table of docs/rules.md: w a worker who is nothing to it, a an
# assignee, h the holder, l a lead who is not assigned; after the accept.
MAY = {
    ("put_packet", "from"): "a",
    ("withdraw", "from"): "al",
    ("accept", "to"): "wahl",
    ("complete", "to"): "h",
    ("assign", "from"): "hl",
    ("hand_over", "to"): "hl",
    ("take_over", "from"): "l",
    ("take_over", "to"): "l",
    ("set_hold", "to"): "l",
    ("revoke_release", "to"): "al",
    ("open_packet", "from"): "a",
}


@pytest.mark.parametrize(("act", "side"), MAY)
def test_each_kind_of_who_is_as_the_design_has_it(act: str, side: str) -> None:
    worker = replace(LEAD, roles=frozenset({"worker"}))
    people = {
        "w": (worker, CallerRelation(side, False, False, accepted=True)),
        "a": (worker, CallerRelation(side, True, False, accepted=True)),
        "h": (worker, CallerRelation(side, False, True, accepted=True)),
        "l": (LEAD, CallerRelation(side, False, False, accepted=True)),
    }
    allowed = {who for who, (one, what) in people.items() if permitted(one, act, what)}
    assert allowed == set(MAY[act, side])


def test_before_the_accept_any_worker_of_the_recipient_takes_over() -> None:
    worker = replace(LEAD, roles=frozenset({"worker"}))
    assert permitted(worker, "take_over", CallerRelation("to", False, False, accepted=False))
    assert not permitted(worker, "take_over", CallerRelation("from", False, False, accepted=False))


def test_who_edits_the_directory() -> None:
    editor = frozenset({"directory_editor"})
    may = [
        replace(LEAD, roles=editor),
        replace(SYSTEM, roles=editor),
        replace(SYSTEM, roles=frozenset(), member_id=None),
    ]
    may_not = {
        "role_missing": [LEAD, SYSTEM],
        "scope_missing": [
            replace(SYSTEM, roles=editor, scopes=EVERY_SCOPE - {"directory:write"}),
        ],
    }
    for principal in may:
        require_directory_editor(principal)
    for code, principals in may_not.items():
        for principal in principals:
            with pytest.raises(NotPermitted) as refused:
                require_directory_editor(principal)
            assert refused.value.code == code


def test_who_keeps_webhooks() -> None:
    admin = frozenset({"agency_admin"})
    keeper = replace(SYSTEM, scopes=EVERY_SCOPE | {"webhooks:write"}, roles=frozenset())
    for principal in (replace(LEAD, roles=admin), keeper):
        require_webhook_manager(principal)
    for code, principal in (
        ("role_missing", LEAD),
        ("scope_missing", replace(SYSTEM, roles=admin)),
    ):
        with pytest.raises(NotPermitted) as refused:
            require_webhook_manager(principal)
        assert refused.value.code == code


def test_a_referral_is_begun_by_the_agency_that_refers() -> None:
    assert refusal(LEAD, "create", CallerRelation("to", True, True)) == "wrong_side"
