"""Each cell of a package against the standard's own description of tables (docs/guides/hsds.md):
what `frictionless` checks where it goes by the names of columns. HSDS_SAMPLES names its folder."""

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from directory.exporting import export
from directory.fake_data import generate
from tests.support.people.hsds_source import forget, take

SAMPLES = os.environ.get("HSDS_SAMPLES", "")
pytestmark = pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of the standard")


def a_uri(text: str) -> None:
    if not urlsplit(text).scheme:
        raise ValueError(text)


def an_email(text: str) -> None:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError(text)


READERS: Mapping[tuple[str, str], Callable[[str], Any]] = {
    ("string", "uuid"): UUID,
    ("string", "uri"): a_uri,
    ("string", "email"): an_email,
    ("string", ""): str,
    ("number", ""): float,
    ("date", ""): date.fromisoformat,
    ("time", ""): time.fromisoformat,
    ("datetime", ""): datetime.fromisoformat,
}
# A term of ours has a row in each language, with one code. (And codes of two taxonomies may meet.)
NOT_UNIQUE = {("taxonomy_term", "code")}


@pytest.fixture
def package(network: Any, tmp_path: Path) -> Iterator[Path]:
    """The demo's, with some of everything that there can be."""
    generate(60, tmp_path / "made", seed=7)
    take(tmp_path / "made")
    export(tmp_path / "package")
    yield tmp_path / "package"
    forget()


def test_each_cell_is_what_the_standards_tables_say(package: Path) -> None:
    described = json.loads((Path(SAMPLES) / "datapackage.json").read_text())["resources"]
    wrong: Counter[tuple[str, str, str]] = Counter()
    filled = 0
    for table in described:
        with (package / table["path"]).open(newline="") as file:
            rows = list(csv.DictReader(file))
        for field in table["schema"]["fields"]:
            cells = [row[field["name"]] for row in rows]  # a column that is not there is a KeyError
            filled += sum(1 for cell in cells if cell)
            for what in faults(field, cells):
                wrong[table["name"], field["name"], what] += 1
    assert filled > 5_000
    assert set(wrong) == {(*one, "unique") for one in NOT_UNIQUE}


def faults(field: Mapping[str, Any], cells: list[str]) -> Iterator[str]:
    bound = field.get("constraints", {})
    given = [cell for cell in cells if cell]
    if bound.get("required") and len(given) < len(cells):
        yield "required"
    if bound.get("unique") and len(set(given)) < len(given):
        yield "unique"
    if "enum" in bound and not set(given) <= set(bound["enum"]):
        yield "enum"
    read = READERS[field["type"], field.get("format") or ""]
    for cell in given:
        try:
            read(cell)
        except ValueError:
            yield f"{field['type']} {cell}"
