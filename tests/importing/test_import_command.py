"""The command `manage.py directory import`: its summary, its reports, its refusals."""

import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from directory import models as m
from permissions.database.aliases import JOBS
from tests.importing.takes import Take
from tests.importing.takes import take as take  # a fixture
from tests.support.people.hsds_source import HELP, changed, directory_command, write_tables


def run(*arguments: str, verb: str = "import") -> str:
    return directory_command(verb, *arguments)


def test_the_summary_and_the_report(take: Take, tmp_path: Path) -> None:
    take(HELP)  # so that it is forgotten afterwards
    folder = write_tables(tmp_path / "source", changed(HELP, "phones", 0, number="ask"))
    report = tmp_path / "report.jsonl"
    said = run(str(folder), "--source", "test", "--report", str(report))
    assert "phones" in said
    assert "quarantined: number: no telephone number" in said
    assert "0 created, 0 changed" in said
    records = [json.loads(line) for line in report.read_text().splitlines()]
    assert records[0].keys() == {"table", "row", "pointer", "id", "outcome", "why"}
    assert {"table": "phones", "row": 2, "id": "100", "outcome": "quarantined"}.items() <= next(
        record for record in records if record["outcome"] == "quarantined"
    ).items()


def test_a_zip_is_read_like_a_folder(take: Take, tmp_path: Path) -> None:
    take(HELP)
    archive = tmp_path / "county.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in write_tables(tmp_path / "source", HELP).glob("*.csv"):
            packed.write(file, f"county/{file.name}")
    assert "0 created, 0 changed, 0 removed" in run(str(archive), "--source", "test")


def _json(document: Any, folder: Path) -> Path:
    (folder / "tables.json").write_text(json.dumps(document))
    return folder / "tables.json"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path / "nowhere", "there is no such folder or file"),
        (lambda path: path, "there is no CSV file in this folder"),
        (lambda path: write_tables(path / "x", {"phones": [{"id": "1"}]}), "no organizations.csv"),
        (lambda path: _file(path / "notes.txt"), "neither a folder nor a zip file"),
        *(
            (partial(_json, {"organizations.csv": rows}), r"organizations\.csv.*a list of objects")
            for rows in (5, None, "x", {"id": "1"}, [1], [{"id": "1"}, ["2"]])
        ),
    ],
)
def test_a_wrong_path_is_told_in_words(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        run(str(make(tmp_path)))


def test_a_report_that_cannot_be_written_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "source", HELP)
    for report in (folder, tmp_path / "nowhere" / "report.jsonl"):
        with pytest.raises(CommandError, match="report"):
            run(str(folder), "--source", "test", "--report", str(report))
    assert not m.Organization.objects.using(JOBS).filter(source="test").exists()


def test_a_report_of_before_is_kept_where_nothing_was_taken(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    report.write_text("of before")
    with pytest.raises(CommandError):
        run(str(tmp_path / "nowhere"), "--report", str(report))
    assert report.read_text() == "of before"


def test_a_quarantine_is_written_into_a_folder(tmp_path: Path) -> None:
    file = _file(tmp_path / "notes.txt")
    for folder in (file, file / "below"):
        with pytest.raises(CommandError, match="cannot be written"):
            run("--source", "test", "--export", str(folder), verb="quarantine")


def _file(path: Path) -> Path:
    path.write_text("not a directory of services")
    return path
