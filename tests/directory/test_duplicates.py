"""Which pairs of services are found, and that only what changed is compared."""

from pathlib import Path
from typing import Any

import pytest

from directory import models as m
from directory.duplicates import likeness
from permissions.database.aliases import JOBS
from tests.desk.duplicate_pages import (
    COORDINATOR,
    FINDS,
    NAMES,
    SOURCES,
    pair,
    tables,
    work,
)
from tests.desk.duplicate_pages import sources as sources  # a fixture
from tests.support.ground.pages_read import read as read  # a fixture
from tests.support.ground.races import race as race  # a fixture
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.hsds_source import changed, forget, take, write_tables


def pairs() -> dict[tuple[str, str], m.Duplicate]:
    """The pairs of the two sources, by the names of both in the order of names."""
    rows = list(m.Duplicate.objects.using(JOBS).all())
    ids = {one for row in rows for one in (row.first_id, row.second_id)}
    ours = m.Service.objects.using(JOBS).filter(id__in=ids, source__in=SOURCES)
    names = dict(ours.values_list("id", "name"))
    return {
        (min(both), max(both)): row
        for row in rows
        if None not in (both := (names.get(row.first_id), names.get(row.second_id)))
    }


def twin(name: str) -> tuple[str, str]:
    return name, f"{name} (county)"


# -- What is alike ---------------------------------------------------------------------------------


def test_each_service_is_paired_with_its_twin_of_the_other_source(sources: Any) -> None:
    found = pairs()
    assert found.keys() == {twin(name) for name in NAMES}
    row = found[twin(NAMES[0])]
    assert row.reasons == [
        *("same_phone", "similar_name", "same_street", "same_postcode", "same_organization")
    ]
    assert 0.8 < row.score <= 1


def test_services_of_one_source_are_no_pair(network: Any, tmp_path: Path) -> None:
    both = tables((NAMES[0], NAMES[0]))
    both["phones"][1]["number"] = both["phones"][0]["number"]
    take(write_tables(tmp_path / "test", both))
    try:
        work(FINDS)
        assert pairs() == {}
    finally:
        forget()


@pytest.mark.parametrize(
    ("change", "likely"),
    [
        ({}, True),
        ({"phones": {"number": "416-555-0199"}}, True),  # same name, same street
        ({"services": {"name": "Housing"}}, True),  # same number, which no one else has
        ({"services": {"name": "Housing"}, "phones": {"number": "416-555-0199"}}, False),
        (
            {
                "phones": {"number": "416-555-0199"},
                "addresses": {"postal_code": "59999", "address_1": "1 Elsewhere"},
            },
            True,  # same name, same organization
        ),
        (
            {
                "phones": {"number": "416-555-0199"},
                "addresses": {"postal_code": "59999", "address_1": "1 Elsewhere"},
                "organizations": {"name": "Zebra"},
            },
            False,
        ),
        ({"services": {"status": "defunct"}}, False),
        ({"services": {"confidential": "yes"}}, False),
        ({"organizations": {"confidential": "yes"}}, False),
    ],
)
def test_what_makes_two_a_pair(
    network: Any, tmp_path: Path, change: dict[str, dict[str, str]], likely: bool
) -> None:
    mine, theirs = tables(NAMES[:1]), tables(NAMES[:1], other=True)
    for file, values in change.items():
        theirs = changed(theirs, file, 0, **values)
    try:
        take(write_tables(tmp_path / "test", mine))
        take(write_tables(tmp_path / "state", theirs), "state")
        work(FINDS)
        assert bool(pairs()) is likely
    finally:
        forget()
        forget("state")
        m.Duplicate.objects.using(JOBS).all().delete()


def test_a_number_that_many_have_is_not_enough_by_itself(network: Any, tmp_path: Path) -> None:
    names = ("Alpha walks", "Bravo meals", "Charlie rides", "Delta beds", "Echo clothes")
    theirs = tables(names, other=True)
    for row in theirs["phones"]:
        row["number"] = "416-555-0100"
    for row in theirs["addresses"]:
        row["postal_code"] = "59999"
    try:
        take(write_tables(tmp_path / "test", tables(NAMES[:1])))
        take(write_tables(tmp_path / "state", theirs), "state")
        work(FINDS)
        assert pairs() == {}
    finally:
        forget()
        forget("state")


def test_a_pair_that_is_no_longer_likely_is_forgotten_and_an_answer_is_not(
    sources: Any, tmp_path: Path
) -> None:
    m.Duplicate.objects.using(JOBS).filter(id=pair(1).id).update(answer="different")
    other = tables(other=True)
    for number in (0, 1):
        other = changed(other, "services", number, name=f"Something else {number}")
        other = changed(other, "phones", number, number=f"416-555-017{number}")
    take(write_tables(tmp_path / "state", other), "state")
    work(FINDS)
    assert len(pairs()) == 2
    assert pair(1).answer == "different"
    take(write_tables(tmp_path / "state", tables(other=True)), "state")
    work(FINDS)
    assert pairs().keys() == {twin(name) for name in NAMES}


# -- Only what changed -----------------------------------------------------------------------------


def test_only_what_changed_is_compared(sources: Any, tmp_path: Path) -> None:
    kept = m.Duplicate.objects.using(JOBS)
    kept.all().delete()
    work(FINDS)
    assert pairs() == {}, "nothing has changed"
    other = changed(tables(other=True), "services", 1, description="Changed.")
    take(write_tables(tmp_path / "state", other), "state")
    assert likeness.step() is False
    assert pairs().keys() == {twin(NAMES[1])}
    seq = m.DuplicateScan.objects.using(JOBS).get().seq
    assert seq == m.Change.objects.using(JOBS).order_by("-seq").values_list("seq", flat=True)[0]


def test_a_step_that_is_killed_is_done_again(sources: Any, race: Any, tmp_path: Path) -> None:
    m.Duplicate.objects.using(JOBS).all().delete()
    m.DuplicateScan.objects.using(JOBS).update(seq=0)
    with race.held("LOCK TABLE directory_duplicate IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: work(FINDS))
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert killed.exception(30)
    last = m.Change.objects.using(JOBS).order_by("-seq").values_list("seq", flat=True)[0]
    assert m.DuplicateScan.objects.using(JOBS).get().seq < last
    assert pairs() == {}
    work(FINDS)
    assert pairs().keys() == {twin(name) for name in NAMES}


def test_a_larger_directory_costs_a_step_and_a_page_no_more(
    network: Any, tmp_path: Path, read: Any, superuser: Any
) -> None:
    """The pages of memory that one change, a step without any, and a page of the list touch."""
    costs, pages = [], at_the_desk(COORDINATOR)
    try:
        for size in (40, 400):
            names = tuple(f"{word(n)} {word(n * 7 + 3)} {NAMES[n % 3]}" for n in range(size))
            for source in ("test", "state"):
                made = tables(names, other=source == "state")
                take(write_tables(tmp_path / source, made), source)
            work(FINDS)
            assert m.Duplicate.objects.using(JOBS).count() >= size
            one = changed(made, "services", 0, description=f"Changed at {size}.")
            take(write_tables(tmp_path / "state", one), "state")
            superuser.cursor().execute("VACUUM ANALYZE")  # as the server's own does
            costs.append(
                [
                    read(likeness.step),
                    min(read(likeness.step) for _ in range(3)),
                    min(read(lambda: pages.get("/desk/duplicates")) for _ in range(3)),
                ]
            )
    finally:
        forget()
        forget("state")
        m.Duplicate.objects.using(JOBS).all().delete()
    small, large = costs
    assert all(more <= 1.5 * less + 150 for less, more in zip(small, large, strict=True)), costs


def word(number: int) -> str:
    """A word of six letters for each number, unlike that of the next."""
    letters = "bcdfghklmnprstvz"
    return "".join(
        letters[(number * 31**place >> place) % 16] + "aeiou"[(number >> place) % 5]
        for place in range(3)
    )
