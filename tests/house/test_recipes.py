"""CONTRIBUTING's recipes, done on a scratch copy: each touches as few files as it says, and what it
added works, with no other edit."""

import hashlib
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from tests.support.ground import recipes
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.no_database


def checkout(to: Path) -> Path:
    """The files of this checkout that git knows or would take, as they are now."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes((REPOSITORY / name).read_bytes())
    return to


def digests(copy: Path) -> dict[str, str]:
    found = {}
    for path in copy.rglob("*"):
        name = path.relative_to(copy)
        if path.is_file() and name.parts[0] not in ("var", ".git") and path.suffix != ".pyc":
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name, digest in after.items() if digest != before.get(name)}


def ran(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command of Python in the copy, with a home of its own."""
    ours = ("CAIRN_", "DATABASE_URL", "PYTEST_", "DJANGO_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) or name == "CAIRN_POSTGRES"
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=kept | {"CAIRN_HOME": str(copy / "var")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def done(copy: Path, *words: str) -> None:
    """A command of `manage.py` in the copy, to its end."""
    ended = ran(copy, "manage.py", *words)
    assert ended.returncode == 0, (words, ended.stdout)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy for each test: what one of them edits, no other finds."""
    return checkout(tmp_path)


@pytest.mark.whole
def test_each_recipe_touches_as_few_files_as_it_says_and_all_of_them_work(copy: Path) -> None:
    """All of them are edited into one copy, then each command is run once. What it writes is what
    every recipe that runs it says: any other file would be one more to edit."""
    before = digests(copy)
    for recipe in recipes.RECIPES:
        recipes.edit(copy, recipe)
        after = digests(copy)
        assert changed(before, after) == set(recipe.edits), recipe.what
        before = after
        assert len(recipe.edits) <= recipe.at_most, recipe.what
    for command in dict.fromkeys(one for recipe in recipes.RECIPES for one in recipe.commands):
        done(copy, *command)
        after = digests(copy)
        names, before = changed(before, after), after
        for recipe in recipes.RECIPES:
            if command in recipe.commands:
                own = {name for name in names if any(fnmatch(name, x) for x in recipe.written)}
                assert names == own, (recipe.what, command)
    contract = yaml.safe_load((copy / recipes.CONTRACT).read_text())
    post = contract["paths"]["/v1/referrals/{referral_id}/check_in"]["post"]
    assert post["summary"] == "Check in with the survivor."
    listed = contract["paths"]["/v1/referrals"]["get"]["parameters"]
    assert "language" in {one["name"] for one in listed}
    done(copy, "schema", "--write")
    assert changed(before, digests(copy)) == {recipes.CATALOGUE}, (
        "the words of the act, told to the database"
    )
    (copy / "tests" / "test_what_was_added.py").write_text(recipes.PROBE)
    probed = ran(
        copy, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
        "tests/test_what_was_added.py",
    )  # fmt: skip
    assert probed.returncode == 0, probed.stdout


@pytest.mark.whole
def test_an_act_that_the_desk_cannot_ask_for_is_refused_at_the_start(copy: Path) -> None:
    """A field without a question, and no form by hand: an error, and never a page without it."""
    path = copy / "referrals" / "acts" / "handoff.py"
    kept = path.read_text()
    asked = 'Code("result", codes.ATTEMPT, question="Result")'
    assert kept.count(asked) == 1
    path.write_text(kept.replace(asked, 'Text("x", 9)'))
    refused = ran(copy, "manage.py", "check", "--tag", "urls")
    assert "The desk cannot ask for x of record_attempt" in refused.stdout


@pytest.mark.whole
def test_the_first_hours_change_turns_a_test_red(copy: Path) -> None:
    """docs/guides/first-hour.md, *Change it*: its edit, then its command, as they are written."""
    guide = (copy / "docs" / "guides" / "first-hour.md").read_text()
    section = " ".join(guide.split("## Change it", 1)[1].split())
    [(file, before, after)] = re.findall(
        r"in `([\w/]+\.py)`: there, `([^`]+)` says .* Change it to `([^`]+)`, then", section
    )
    [words] = re.findall(r"\.venv/bin/python (-m pytest [\w /.:-]+\.py)", section)
    text = (copy / file).read_text()
    [entry] = [part for part in text.split("\n@act(") if "\ndef accept(" in part]
    assert entry.count(before) == 1
    (copy / file).write_text(text.replace(entry, entry.replace(before, after)))
    tried = ran(copy, *words.split(), "-p", "no:cacheprovider")
    assert tried.returncode == 1, tried.stdout
    assert "FAILED tests/policy/test_every_cell.py" in tried.stdout
    assert "accept" in tried.stdout


def test_contributing_tells_each_recipe() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    for recipe in recipes.RECIPES:
        assert f"## How to add {recipe.what}\n" in text
        told = text.split(f"## How to add {recipe.what}\n", 1)[1].split("\n## ", 1)[0]
        for name in recipe.edits:
            assert f"`{name.replace('/eo/', '/<language>/')}`" in told, recipe.what
