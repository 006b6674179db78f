"""Who may set an agency's rota, what cannot be set, and how coworkers swap."""

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from permissions.audit import agency_changes
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from referrals import models as m
from referrals.on_call import changes, rows
from referrals.on_call.who_is_on import Shift, who_is_on
from tests.support.people.callers import agency_id, member_id
from tests.support.people.rota import now, principal, set_rotation

HOUR = timedelta(hours=1)
YWCA = agency_id("ywca")


def on_now() -> Any:
    kept = rows.rota(YWCA, now())
    return who_is_on(kept, now(), rows.staff(YWCA).__contains__)


def swap_of(asker: str) -> Any:
    return m.Swap.objects.using("signin").get(asked_by_id=member_id(asker)).id


def test_leads_and_administrators_set_the_rota_and_no_one_else(api: Any) -> None:
    for who in ("ywca.worker", "ywca.auditor", "ywca.editor"):
        with pytest.raises(NotPermitted):
            set_rotation(api, by=who)
        with pytest.raises(NotPermitted):
            changes.end_rotation(principal(api, who))
        with pytest.raises(NotPermitted):
            changes.add_shift(
                principal(api, who), member_id("ywca.worker"), "first", now(), now() + HOUR
            )
    for who in ("ywca.lead", "ywca.admin"):
        set_rotation(api, by=who)
        assert on_now() == (member_id("ywca.worker"), member_id("ywca.worker2"))
        changes.end_rotation(principal(api, who))
        changes.end_rotation(principal(api, who))  # twice is safe
        assert on_now() == (None, None)


def test_another_agencys_people_and_shifts_are_not_there(api: Any) -> None:
    with pytest.raises(NotVisible):
        set_rotation(api, ("ywca.worker", "police.worker"))
    with pytest.raises(NotVisible):
        set_rotation(api, ("ywca.worker", "ywca.auditor"))  # answers no referral
    lead = principal(api, "ywca.lead")
    changes.add_shift(lead, member_id("ywca.worker"), "first", now(), now() + HOUR)
    (shift,) = m.Shift.objects.using("signin").filter(agency_id=YWCA)
    with pytest.raises(NotVisible):
        changes.remove_shift(principal(api, "police.lead"), shift.id)
    changes.remove_shift(lead, shift.id)
    for gone in (shift.id, uuid4()):
        with pytest.raises(NotVisible):
            changes.remove_shift(lead, gone)


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": "month"},
        {"weekday": 7},
        {"at": time(8, 0, 1)},
        {"anchor": date(2200, 1, 1)},
    ],
)
def test_a_rotation_that_cannot_be_is_refused_and_nothing_changes(
    api: Any, wrong: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest):
        set_rotation(api, **wrong)
    assert not m.Rotation.objects.using("signin").exists()


def test_a_rotation_names_each_member_once_and_a_second_person_needs_two(api: Any) -> None:
    for members in ((), ("ywca.worker", "ywca.worker"), ("ywca.worker",)):
        with pytest.raises(BadRequest):
            set_rotation(api, members)
    set_rotation(api, ("ywca.worker",), has_second=False)


@pytest.mark.parametrize(
    ("begins", "length", "kind"),
    [
        (0, 0, "first"),
        (0, -1, "first"),
        (-3, 2, "first"),
        (0, 24 * 93, "first"),
        (24 * 800, 1, "first"),
        (0, 1, "third"),
    ],
)
def test_a_shift_that_cannot_be_is_refused(api: Any, begins: int, length: int, kind: str) -> None:
    start = now() + begins * HOUR
    with pytest.raises(BadRequest):
        changes.add_shift(
            principal(api, "ywca.lead"),
            member_id("ywca.worker"),
            kind,
            start,
            start + length * HOUR,
        )


def test_the_same_shift_again_is_one_and_the_list_has_an_end(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, start = principal(api, "ywca.lead"), now()
    shift = Shift(member_id("ywca.worker"), "first", start, start + HOUR)
    changes.add_shift(lead, *shift)
    changes.add_shift(lead, *shift)
    assert changes.import_shifts(lead, [shift, shift]) == 0
    assert m.Shift.objects.using("signin").count() == 1
    monkeypatch.setattr(changes, "MOST_SHIFTS", 2)
    more = [shift._replace(ends_at=shift.ends_at + n * HOUR) for n in (1, 2)]
    with pytest.raises(NotPossible):
        changes.import_shifts(lead, more)
    assert m.Shift.objects.using("signin").count() == 1  # all or none


def test_each_change_is_read_under_changes_at_our_agency(api: Any) -> None:
    lead = principal(api, "ywca.lead")
    before = {one.id for one in agency_changes.list_changes(lead).changes}
    set_rotation(api)
    changes.add_shift(lead, member_id("ywca.worker2"), "away", now(), now() + HOUR)
    shown = [one for one in agency_changes.list_changes(lead).changes if one.id not in before]
    assert [one.act for one in shown] == ["rota.add_shift", "rota.set_rotation"]
    assert shown[0].codes == ["shift:away", f"member:{member_id('ywca.worker2').hex}"]


def test_whom_a_change_concerns_is_asked_to_look_and_who_made_it_is_not(
    api: Any, reachable: None, superuser: Any
) -> None:
    set_rotation(api)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT member_id FROM message WHERE template = 'check_shifts'")
        told = {one for (one,) in cursor.fetchall()}
    assert told == {member_id("ywca.worker"), member_id("ywca.worker2")}


# -- Swaps -----------------------------------------------------------------------------------------


@pytest.fixture
def ask(api: Any) -> Callable[..., None]:
    """The worker is on call for a week; they ask for the next two hours."""
    set_rotation(api)

    def asked(who: str = "ywca.worker", of: str = "ywca.worker2", kind: str = "first") -> None:
        start = now()
        changes.ask_swap(principal(api, who), member_id(of), kind, start, start + 2 * HOUR)

    return asked


def test_a_swap_counts_once_the_coworker_has_agreed(api: Any, ask: Callable[..., None]) -> None:
    ask()
    assert on_now().first == member_id("ywca.worker")
    coworker, swap = principal(api, "ywca.worker2"), swap_of("ywca.worker")
    for other in ("ywca.worker", "ywca.lead", "police.worker"):
        with pytest.raises(NotVisible):
            changes.answer_swap(principal(api, other), swap, agree=True)
    changes.answer_swap(coworker, swap, agree=True)
    changes.answer_swap(coworker, swap, agree=True)  # twice is safe
    assert on_now() == (member_id("ywca.worker2"), member_id("ywca.lead"))
    assert m.Shift.objects.using("signin").count() == 1
    with pytest.raises(NotPossible):
        changes.answer_swap(coworker, swap, agree=False)
    with pytest.raises(NotPossible):
        changes.take_back_swap(principal(api, "ywca.worker"), swap)


def test_a_question_that_is_declined_or_taken_back_changes_nothing(
    api: Any, ask: Callable[..., None]
) -> None:
    ask()
    changes.answer_swap(principal(api, "ywca.worker2"), swap_of("ywca.worker"), agree=False)
    m.Swap.objects.using("signin").update(state="asked")
    changes.take_back_swap(principal(api, "ywca.worker"), swap_of("ywca.worker"))
    changes.take_back_swap(principal(api, "ywca.worker"), swap_of("ywca.worker"))
    with pytest.raises(NotPossible):
        changes.answer_swap(principal(api, "ywca.worker2"), swap_of("ywca.worker"), agree=True)
    assert on_now().first == member_id("ywca.worker")


def test_no_one_gives_away_what_is_not_theirs(api: Any, ask: Callable[..., None]) -> None:
    for who, of, kind in (
        ("ywca.worker2", "ywca.lead", "first"),  # is second
        ("ywca.worker", "ywca.worker2", "second"),
    ):
        with pytest.raises(NotPossible):
            ask(who, of, kind)
    with pytest.raises(BadRequest):
        ask(of="ywca.worker")
    with pytest.raises(BadRequest):
        ask(kind="away")
    with pytest.raises(NotVisible):
        ask(of="police.worker")
    with pytest.raises(NotPermitted):
        ask(who="ywca.admin")


def test_a_swap_of_a_shift_that_went_to_another_since_is_refused(
    api: Any, ask: Callable[..., None]
) -> None:
    ask()
    changes.add_shift(
        principal(api, "ywca.lead"), member_id("ywca.lead"), "first", now(), now() + HOUR
    )
    with pytest.raises(NotPossible):
        changes.answer_swap(principal(api, "ywca.worker2"), swap_of("ywca.worker"), agree=True)
    assert on_now().first == member_id("ywca.lead")


def test_a_swap_of_a_time_that_is_over_is_refused(
    api: Any, ask: Callable[..., None], shift_clock: Any
) -> None:
    ask()
    shift_clock("3 hours")
    with pytest.raises(NotPossible):
        changes.answer_swap(principal(api, "ywca.worker2"), swap_of("ywca.worker"), agree=True)


def test_asking_the_same_again_is_one_question(api: Any, ask: Callable[..., None]) -> None:
    start = now()
    for _ in range(2):
        changes.ask_swap(
            principal(api, "ywca.worker"), member_id("ywca.lead"), "first", start, start + HOUR
        )
    assert m.Swap.objects.using("signin").count() == 1
