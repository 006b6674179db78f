"""After an exercise what was practiced is erased with its keys; the log stays."""

from typing import Any

import pytest

from permissions.keys import rotation
from permissions.keys.keystore import key_store
from referrals.deadlines import exercises_over, removal
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import text_of
from tests.support.people.exercises import Exercise, accept_and_share
from tests.support.people.stories import PACKET, Story, service_of

TWINS = "SELECT id FROM permissions_agency WHERE exercise_id IS NOT NULL"


class Killed(BaseException):
    pass


@pytest.fixture
def exercise() -> Exercise:
    found = Exercise().begin().join("ywca.worker")
    found.refer()
    accept_and_share(found)
    found.refer()
    return found


def left(superuser: Any) -> dict[str, int]:
    """How many rows of exercises each table of referrals has."""
    found = {}
    for table, column in (
        *(("referral", "from_agency_id"), ("referral_side", "agency_id"), ("note", "agency_id")),
        *(("packet_grant", "agency_id"), ("message", "agency_id"), ("release", "to_agency_id")),
        *(("referral_event", "from_agency_id"), ("idempotency_key", "agency_id")),
        *(("agreement_tally", "agency_id"), ("purged_count", "agency_id")),
        *(("epoch_due", "agency_id"), ("referral_assignment", "agency_id")),
    ):
        ((number,),) = rows(
            superuser, f"SELECT count(*) FROM {table} WHERE {column} IN ({TWINS})", []
        )
        found[table] = number
    return {table: number for table, number in found.items() if number}


def keys_of_exercises(superuser: Any) -> set[tuple[str, int]]:
    return {
        (str(agency), version)
        for (agency,) in rows(superuser, f"{TWINS} ORDER BY id", [])
        for version in key_store().versions(agency)
    }


def sweep() -> None:
    while exercises_over.step():
        pass


def swept(superuser: Any) -> bool:
    ((done,),) = rows(
        superuser, "SELECT bool_and(swept_at IS NOT NULL) FROM permissions_exercise", []
    )
    return bool(done)


def test_nothing_is_erased_while_it_runs(exercise: Exercise, superuser: Any) -> None:
    before = left(superuser)
    sweep()
    assert left(superuser) == before
    assert before["referral"] == 2
    assert not swept(superuser)


def test_it_ends_by_itself_and_is_erased_with_its_keys(
    api: Any, exercise: Exercise, superuser: Any, shift_clock: Any
) -> None:
    alive = Story(api, service_of("ywca")).create().release(*PACKET).packet(**PACKET)
    keys = keys_of_exercises(superuser)
    assert keys
    shift_clock("4 hours 1 second")
    sweep()
    assert left(superuser) == {}
    assert keys_of_exercises(superuser).isdisjoint(keys)
    assert swept(superuser)
    assert (
        rows(
            superuser,
            f"SELECT FROM ({TWINS}) t JOIN permissions_agency a USING (id) WHERE a.active",
            [],
        )
        == []
    )
    ((kept,),) = rows(
        superuser, f"SELECT count(*) FROM access_entry WHERE agency_id IN ({TWINS})", []
    )
    assert kept > 10
    assert api(alive.sender).get(f"/v1/referrals/{alive.id}").status_code == 200
    assert alive.send().answers("accept").answers("open_packet", {"purpose": "intake"})


def test_one_that_ends_ends_no_other(exercise: Exercise, superuser: Any) -> None:
    other = Exercise().begin("hospital.lead").join("ywca.worker2")
    page = "/desk/practice"
    assert "Agencies that take part" in text_of(other.desks["hospital.lead"].get(page).content)
    before = standing(superuser)
    exercise.desks["police.lead"].submit(f"{page}/end")
    after = standing(superuser)
    ended = {one for one, state in after.items() if state != before[one]}
    assert {after[one] for one in ended} == {(False, True)}
    assert len(ended) == 2, "the agencies of the police's, and no other; no live one"
    assert "Agencies that take part" in text_of(other.desks["hospital.lead"].get(page).content)
    sweep()
    assert standing(superuser) == after


def standing(superuser: Any) -> dict[str, tuple[bool, bool]]:
    """Whether each agency, live ones too, is active, and whether its exercise has ended."""
    found = rows(
        superuser,
        "SELECT a.id, a.active, coalesce(e.ended_at IS NOT NULL, false) FROM permissions_agency a"
        " LEFT JOIN permissions_exercise e ON e.id = a.exercise_id",
        [],
    )
    return {str(agency): (active, ended) for agency, active, ended in found}


@pytest.mark.parametrize("place", ["end_key_epoch", "_rewrap_all", "_destroy"])
def test_a_sweep_that_was_killed_is_made_good_by_the_next(
    exercise: Exercise, superuser: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    keys = keys_of_exercises(superuser)
    exercise.desks["police.lead"].submit("/desk/practice/end")
    with monkeypatch.context() as patched:
        patched.setattr(rotation, place, kill)
        with pytest.raises(Killed):
            sweep()
    assert not swept(superuser)
    sweep()
    assert swept(superuser)
    assert left(superuser) == {}
    assert keys_of_exercises(superuser).isdisjoint(keys)
    sweep()


def test_a_sweep_that_was_killed_between_two_referrals_goes_on(
    exercise: Exercise, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = removal.erase
    done: list[Any] = []

    def kill(referral_id: Any) -> None:
        if done:
            raise Killed
        done.append(referral_id)
        real(referral_id)

    exercise.desks["police.lead"].submit("/desk/practice/end")
    with monkeypatch.context() as patched:
        patched.setattr(exercises_over, "erase", kill)
        with pytest.raises(Killed):
            sweep()
    assert left(superuser)["referral"] == 1
    sweep()
    assert left(superuser) == {}
