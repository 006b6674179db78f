"""Where an entry came from, when an import or a new license is killed half-way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from directory import models as m
from directory.fake_data import generate
from directory.importing import sources
from permissions.database.aliases import JOBS
from tests.importing.described_source import (
    LICENSE,
    SOURCE,
)
from tests.importing.described_source import run as run  # a fixture
from tests.importing.stopping import source_is_free, starts, stops, stops_after
from tests.importing.takes import take as take  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.ground.waiting import until
from tests.support.people.hsds_source import (
    HELP,
    directory_command,
    forget,
)

# -- Killed half-way -------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """The files of 300 services, of some 35 organizations."""
    generate(300, tmp_path / "large", seed=3)
    yield tmp_path / "large"
    forget()


def dated() -> dict[UUID, Any]:
    rows = m.Service.objects.using(JOBS).filter(source=SOURCE)
    return dict(rows.values_list("id", "imported_at"))


def licenses() -> list[str | None]:
    """What each organization of the source says of its license, by its id."""
    documents = m.PublicOrganization.objects.using(JOBS).filter(
        id__in=m.Organization.objects.using(JOBS).filter(source=SOURCE).values("id")
    )
    texts = documents.order_by("id").values_list("full_document", flat=True)
    return [json.loads(text)["provenance"].get("license") for text in texts]


def test_an_import_killed_half_way_and_run_again_dates_what_was_left(
    network: Any, large: Path, django_db_setup: str
) -> None:
    stops_after(starts(large, django_db_setup, "--license", LICENSE), "organizations: 10 of")
    half = dated()
    assert 0 < len(half) < 300
    import_it = ("import", str(large), "--source", SOURCE)
    directory_command(*import_it)
    whole = dated()
    assert len(whole) == 300
    assert all(whole.values())
    assert half.items() <= whole.items(), "what was taken keeps its day"
    assert max(half.values()) < min(at for one, at in whole.items() if one not in half)
    assert set(licenses()) == {LICENSE}
    assert stale(SOURCE) == {}


def test_a_license_killed_half_way_is_finished_by_the_next_import(
    network: Any, large: Path, django_db_setup: str
) -> None:
    import_it = ("import", str(large), "--source", SOURCE)
    directory_command(*import_it)
    before = dated()
    organizations = m.Organization.objects.using(JOBS).filter(source=SOURCE)
    last = organizations.order_by("-id").values_list("id", flat=True)[0]
    with transaction.atomic(using=JOBS):
        list(organizations.select_for_update().filter(id=last))  # the last portion waits for it
        process = starts(large, django_db_setup, "--license", LICENSE)
        try:
            until(lambda: licenses().count(LICENSE) == (len(licenses()) - 1) // 5 * 5)
        finally:
            stops(process)
    source_is_free()
    row = m.Source.objects.using(JOBS).get(name=SOURCE)
    assert (row.license, row.due, row.rendered_to is None) == (LICENSE, True, False)
    assert licenses().count(LICENSE) < len(licenses())
    directory_command(*import_it)  # without a word of the license
    assert set(licenses()) == {LICENSE}
    row.refresh_from_db(using=JOBS)
    assert (row.due, row.rendered_to) == (False, None)
    assert dated() == before
    assert stale(SOURCE) == {}


def test_a_license_is_rendered_in_portions(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "ORGANIZATIONS", 1)
    more = [{"id": f"{n}", "name": f"House {n}"} for n in range(2, 5)]
    run({**HELP, "organizations": [*HELP["organizations"], *more]}, "--license", LICENSE)
    assert licenses() == [LICENSE] * 4
    run({**HELP, "organizations": [*HELP["organizations"], *more]}, "--license", "CC0 1.0")
    assert licenses() == ["CC0 1.0"] * 4
    assert stale(SOURCE) == {}
