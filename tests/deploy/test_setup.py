"""`manage.py setup`: what it asks, refuses, writes and keeps to itself."""

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from api.install.questions import LINE, QUESTIONS
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

SECRETS = re.compile(r"[0-9a-f]{48}|[A-Za-z0-9_-]{60,}")


def given(tmp_path: Path) -> dict[str, str]:
    return {
        "host": "cairn.install.test",
        "home": f"{tmp_path}/home",
        "key-folder": f"{tmp_path}/home/keys",
        "key-copy": f"{tmp_path}/copy",
        "witness": f"{tmp_path}/witness",
        "journal": f"{tmp_path}/journal",
        "line": "O'Neil's line; 1-800-222-1234; day & night",
    }


def setup(tmp_path: Path, answers: dict[str, str], *words: str, typed: str = "") -> str:
    """What it says. Raises AssertionError if it fails, with what it said."""
    said = tried(tmp_path, answers, *words, typed=typed)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def tried(
    tmp_path: Path, answers: dict[str, str], *words: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    options = [word for name, text in answers.items() for word in (f"--{name}", text)]
    return subprocess.run(
        [sys.executable, "manage.py", "setup", "--into", f"{tmp_path}/etc", *options, *words],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        cwd=REPOSITORY,
        input=typed,
        check=False,
        capture_output=True,
        text=True,
    )


def environment(path: Path) -> dict[str, str]:
    """As a shell reads it; systemd reads the same."""
    words = [shlex.split(line) for line in path.read_text().splitlines() if line[0] != "#"]
    return dict(word.split("=", 1) for (word,) in words)


def test_what_it_writes_is_whole_private_and_said_to_no_one(tmp_path: Path) -> None:
    said = setup(tmp_path, given(tmp_path), "--non-interactive", "--pooler", "yes")
    etc = tmp_path / "etc"

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in etc.rglob("*")}
    for name in ("cairn.env", "jobs.env", "owner.env", "database.sql", "userlist.txt"):
        assert modes[name] == 0o600, name
    for path in etc.rglob("*"):
        if path.is_file() and modes[path.name] != 0o600:
            assert not SECRETS.search(path.read_text()), path
            assert "cairn.example.org" not in path.read_text(), path
    assert not SECRETS.search(said.replace(str(tmp_path), ""))
    assert len(re.findall(r"^  \d\. ", said, re.MULTILINE)) == 3
    for name in ("home", "copy", "witness", "journal"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
    text = environment(etc / "cairn.env")["CAIRN_SAFETY_LINES"]
    assert "O\\u0027Neil\\u0027s line" in text
    assert "O&#x27;Neil&#x27;s line" in (etc / "nginx" / "down.html").read_text()


def test_the_settings_start_with_it_and_each_process_has_its_own_roles(tmp_path: Path) -> None:
    setup(tmp_path, given(tmp_path), "--non-interactive")
    etc = tmp_path / "etc"
    common = environment(etc / "cairn.env")
    shown = subprocess.run(
        [sys.executable, "-c", "from api import settings as s; print(s.BASE_URL, s.PROXIES)"],
        env={"PATH": os.environ["PATH"], **common},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.split() == ["https://cairn.install.test", "1"]
    roles = {
        name: {key for key in environment(etc / f"{name}.env") if key.startswith("DATABASE_URL")}
        for name in ("cairn", "jobs", "owner")
    }
    assert roles == {
        "cairn": {f"DATABASE_URL{one}" for one in ("", "_SIGNIN", "_EDITOR", "_AUDITOR")},
        "jobs": {"DATABASE_URL_JOBS", "DATABASE_URL_SEALER"},
        "owner": {"DATABASE_URL_OWNER"},
    }


def test_it_writes_over_nothing_but_with_replace(tmp_path: Path) -> None:
    setup(tmp_path, given(tmp_path), "--non-interactive")
    before = (tmp_path / "etc" / "cairn.env").read_text()

    again = tried(tmp_path, given(tmp_path), "--non-interactive")
    assert again.returncode == 1
    assert "there already" in again.stderr
    assert (tmp_path / "etc" / "cairn.env").read_text() == before

    setup(tmp_path, given(tmp_path), "--non-interactive", "--replace")
    assert (tmp_path / "etc" / "cairn.env").read_text() != before


def test_a_wrong_answer_is_explained_and_asked_again(tmp_path: Path) -> None:
    answers = given(tmp_path)
    del answers["host"], answers["line"]
    asked = [f"--{one.name.replace('_', '-')}" for one in QUESTIONS]
    defaults = {f"--{name}": "" for name in ("user", "database", "tls", "time-zone", "mail")}
    assert set(defaults) < set(asked)
    typed = [
        *("https://cairn.install.test", "cairn.example.org", "Cairn.Install.Test."),  # host
        *("", "", ""),  # user, database, tls
        *("Montana", ""),  # time zone
        *("mail.install.test", "", ""),  # mail, from
        "perhaps",
        "no",  # pooler
        *("Crisis line; 406-555-0101", "Crisis line; 406-555-9101", ""),
    ]
    said = setup(tmp_path, answers, typed="\n".join(typed) + "\n")

    for fault in (
        "without https://",
        "an example's",
        "America/Denver",
        "smtps://",
        "yes or no",
        "an invented one",
    ):
        assert fault in said, fault
    kept = environment(tmp_path / "etc" / "cairn.env")
    assert kept["CAIRN_BASE_URL"] == "https://cairn.install.test"
    assert "406-555-9101" in kept["CAIRN_SAFETY_LINES"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"host": "cairn"}, "--host: A host name is like"),
        ({"key-copy": "relative/path"}, "--key-copy: Give a whole path"),
        ({"key-copy": "/srv/../etc"}, "--key-copy: Give a whole path"),
        ({"user": "root; rm -rf /"}, "--user: A user is like"),
        ({"database": "db.example.org"}, "--database: The database is like"),
        ({"database": "db.example.org:99999/cairn"}, "--database: The database is like"),
        ({"line": "no number"}, "--line: A line is like"),
        ({"mail": "smtps://u:p@mail.install.test:465"}, "Mail needs both"),
        ({"mail": "smtp+plain://mail.install.test"}, "on this machine only"),
    ],
)
def test_a_wrong_option_ends_it_before_anything_is_written(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    assert says in refusal(tmp_path, given(tmp_path) | change)
    assert list(tmp_path.iterdir()) == []


def refusal(tmp_path: Path, answers: dict[str, str]) -> str:
    """Why it writes nothing; in this process."""
    options = [f"--{name}={text}" for name, text in answers.items()]
    with pytest.raises(CommandError) as refused:
        call_command("setup", f"--into={tmp_path}/etc", "--non-interactive", *options)
    return str(refused.value)


def test_a_copy_in_the_folder_that_it_is_a_copy_of_is_refused(tmp_path: Path) -> None:
    change = {"key-copy": f"{tmp_path}/home/keys/copy"}
    assert "a lost disk would take both" in refusal(tmp_path, given(tmp_path) | change)


def test_what_is_needed_is_asked_for_and_an_end_of_input_writes_nothing(tmp_path: Path) -> None:
    assert "--host is needed" in refusal(tmp_path, {})
    said = tried(tmp_path, {}, typed="cairn.install.test\n")
    assert "nothing was written" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_setup_check_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="run setup without --check first"):
        call_command("setup", f"--into={tmp_path}", "--check")


def test_each_question_has_an_option_and_a_sentence() -> None:
    for one in (*QUESTIONS, LINE):
        assert re.fullmatch("[a-z_]+", one.name)
        if one.default:
            assert one.check(one.default) == one.default, one.name
