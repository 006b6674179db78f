"""The list of banned words finds what it should, and leaves the rest alone."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.ground import english

pytestmark = pytest.mark.static


def found(words: str) -> list[str]:
    return sorted({ban.name for _, ban, _ in english.violations(english.Text(1, words))})


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("Ring the service. It rang twice.", ["ring"]),
        ("The string is during spring, bring it.", []),
        ("The column `asks_ring_at` and /v1/channels/{id}/ring are code.", []),
        ("Whoever answers; whomever it concerns.", ["whoever"]),
        ("Nobody answers.", ["nobody"]),
        ("It is shown to nobody.", []),
        ("A row that somebody else changed.", ["somebody"]),
        ("Given to somebody.", []),
        ("It stands in the row.", ["stands in"]),
        ("A stand-in for the provider.", []),
        ("Rows that\nhang on an agency.", ["hangs on"]),
        ("Put it beside the key.", ["beside"]),
        ("Besides, it is there.", []),
        ("It is made anew.", ["anew"]),
        ("A new row.", []),
        ("The sender is told of it.", ["told"]),
        ("The survivor was told that it ends.", []),
        ("They are told before.", []),
        ("Of a draft nothing stays, and no entry.", ["Of …,"]),
        ("Of course, it is there.", []),
        ("A list of names, in order.", []),
        ("Whom she replaces stays.", ["Whom …,"]),
        ("The member whom she replaces.", []),
    ],
)
def test_a_phrase_is_found_or_left_alone(words: str, names: list[str]) -> None:
    assert found(words) == names


@pytest.mark.parametrize(
    ("name", "source", "line"),
    [
        ("a.py", 'x = 1\n# Made anew,\n# with care.\n"""Text."""\n', 2),
        ("b.py", 'def f():\n    """One.\n\n    Made anew.\n    """\n', 4),
        ("c.py", 'raise ValueError("This was made anew.")\n', 1),
        ("d.sql", "SELECT 1;\n-- Kept beside it.\nSELECT 2;\n", 2),
        ("e.html", "<p>\n<b>Whoever</b> asks {{ whoever }}\n</p>", 2),
        ("f.md", "One.\n\n    beside code\n\n`beside` and beside.\n", 5),
        ("g.conf", "a = 1  # made anew\n", 1),
    ],
)
def test_a_word_is_found_at_its_line(tmp_path: Path, name: str, source: str, line: int) -> None:
    path = tmp_path / name
    path.write_text(source)
    assert [one.line for one in english.check(path)] == [line]


def test_sql_and_short_strings_are_not_prose(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('sql = "SELECT beside FROM anew WHERE true"\nname = "beside"\n')
    assert list(english.check(path)) == []


def test_it_ends_with_one_where_there_is_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(english, "REPOSITORY", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("It is made again.\n")
    assert english.main([]) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "docs" / "a.md").write_text("It is made anew.\nWhoever asks.\n")
    assert english.main([]) == 1
    said = capsys.readouterr().out
    assert "docs/a.md:1: “anew” (again)" in said
    assert "2 in 1 files. Words: anew 1, whoever 1" in said
    assert "     2  docs" in said


def test_lint_calls_it() -> None:
    recipe = (english.REPOSITORY / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    assert re.search(r"python -m tests\.support\.ground\.english\b", recipe)


@pytest.mark.parametrize(("path", "name"), sorted(english.ALLOWED))
def test_what_is_allowed_is_still_there(
    path: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(english.check(english.REPOSITORY / path)) == []
    monkeypatch.setattr(english, "ALLOWED", {})
    assert name in {one.ban.name for one in english.check(english.REPOSITORY / path)}
