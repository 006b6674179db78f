"""Milestones of the plain lists: exact whatever comes and goes, and nothing hidden in any."""

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from directory import models as m
from directory.projection.render import render
from directory.search import deep_pagination, matches
from directory.search.query import SearchQuery
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from permissions.identity import credentials
from tests.support.ground.database import forget_edits, lay_many_milestones, put_back
from tests.support.ground.page_counts import miscounted
from tests.support.people.directory_entries import OURS, make, patch, random_edit

STEP = 2


@pytest.fixture(autouse=True)
def many_milestones(network: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every page but the first is found by one."""
    lay_many_milestones(monkeypatch, STEP)
    monkeypatch.setattr(deep_pagination, "DEEP", 1)
    with put_back(OURS):
        yield
    forget_edits()


def laid(name: str) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, rows FROM directory_milestone WHERE list = %s ORDER BY name, row_id",
            [name],
        )
        return list(cursor.fetchall())


def pages(principal: Any, kind: str, size: int) -> list[UUID]:
    """The list, page after page, to the end."""
    found, page = list[UUID](), 1
    with identified_transaction(principal):
        while True:
            one = matches.find(principal, SearchQuery(), kind=kind, page=page, per_page=size)
            found += [hit.id for hit in one.hits]
            if one.last:
                assert one.total == len(found)
                beyond = matches.find(
                    principal, SearchQuery(), kind=kind, page=page + 1, per_page=size
                )
                assert not beyond.hits
                assert beyond.last
                return found
            page += 1


def set_hidden(ids: list[str], hidden: bool) -> None:
    """Many at once, as an import does."""
    with transaction.atomic(using=JOBS):
        m.Service.objects.using(JOBS).filter(id__in=ids).update(confidential=hidden)
        render([UUID(one) for one in ids])


@pytest.mark.parametrize("seed", range(3))
def test_pages_found_by_milestones_are_the_whole_list(api: Any, seed: int) -> None:
    chance = random.Random(seed)
    ywca, mine, places = api("ywca.editor"), list[str](), list[str]()
    member = credentials.resolve_credential(api("police.worker").secret)
    for _ in range(12):
        for _ in range(4):
            random_edit(ywca, chance, mine, places)
            assert miscounted() == []
        if chance.random() < 0.5:
            ids = [path.rsplit("/", 1)[1] for path in mine]
            set_hidden(chance.sample(ids, len(ids) // 2), chance.random() < 0.5)
            assert miscounted() == []
    assert len(laid("services")) > 4
    assert len(laid("service_at_locations")) > 4
    for principal in (None, member):
        for kind in ("service", "service_at_location"):
            whole = pages(principal, kind, 500)
            assert len(whole) == len(set(whole)) > 12
            assert pages(principal, kind, 3) == whole


def test_the_name_of_what_is_hidden_or_gone_stays_in_no_milestone(api: Any) -> None:
    ywca = api("ywca.editor")
    paths = [make(ywca, name=f"Zz {number}") for number in range(12)]
    ours = {name for name, _ in laid("services") if name.startswith("Zz")}
    assert len(ours) >= 3
    for number, path in enumerate(paths):
        if number % 3 == 0:
            patch(ywca, path, name=f"Yy {number}")
        elif number % 3 == 1:
            assert ywca.delete(path, If_Match="*").status_code == 204
        else:
            patch(ywca, path, confidential=True)
        name = f"Zz {number}"
        assert name not in {name for name, _ in laid("services")}
        assert miscounted() == []
    assert not [name for name, _ in laid("services") if name.startswith("Zz")]


def test_many_that_come_or_go_at_once(api: Any) -> None:
    """One transaction lays many milestones, and takes up many that stand side by side."""
    ywca = api("ywca.editor")
    before = laid("services")
    ids = [make(ywca, name=f"Zz {n:02}", confidential=True).rsplit("/", 1)[1] for n in range(20)]
    assert laid("services") == before, "nothing of what is hidden"
    set_hidden(ids, False)
    with_them = laid("services")
    assert len(with_them) >= len(before) + 20 // (2 * STEP)
    assert max(rows for _, rows in with_them) <= 2 * STEP
    set_hidden(ids, True)
    assert [name for name, _ in laid("services")] == [name for name, _ in before]
    assert miscounted() == []


def test_a_change_that_is_taken_back_moves_none(api: Any) -> None:
    ywca = api("ywca.editor")
    path = make(ywca, name="Zz")
    before = laid("services")
    row = UUID(path.rsplit("/", 1)[1])
    with transaction.atomic(using=JOBS):
        m.Service.objects.using(JOBS).filter(id=row).update(name="Aa")
        render([row])
        transaction.set_rollback(True, using=JOBS)
    assert laid("services") == before
    assert miscounted() == []
