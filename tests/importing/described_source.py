"""A source with a license and a link, and what is read of its entries."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from directory.importing.parsing import id_of
from tests.importing.takes import Take
from tests.importing.takes import take as take  # a fixture
from tests.support.people.directory_entries import LIST
from tests.support.people.hsds_source import (
    HELP,
    directory_command,
    write_tables,
)

SOURCE = "test"
LICENSE, LINK = "CC BY-SA 4.0", "https://data.example.org/help"
TALKING, WALKING = (id_of(SOURCE, "service", key) for key in ("10", "11"))
HOME = id_of(SOURCE, "organization", "1")


@pytest.fixture
def run(take: Take, tmp_path: Path) -> Any:
    """Import these tables by the command, which `take` forgets behind the test."""

    def imported(tables: Any, *options: str) -> str:
        folder = write_tables(tmp_path / "source", tables)
        return directory_command("import", str(folder), "--source", SOURCE, *options)

    take(HELP)
    return imported


def detail(api: Any, row_id: UUID, path: str = LIST) -> dict[str, Any]:
    answer = api(None).get(f"{path}/{row_id}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def changes(caller: Any) -> list[Any]:
    """The caller's feed from its beginning."""
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = caller.get("/v1/directory/changes", {"limit": "500"} | after).json()
        if not page["items"]:
            return found
        found += page["items"]
        after = {"after": page["next"]}
