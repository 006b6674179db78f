"""X_FILE in place of X: what is taken, and what is refused without showing it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from api.secrets_from_files import SECRETS, take
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

SECRET = "an invented secret of forty characters .."


def kept(folder: Path, content: bytes = SECRET.encode(), mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440])
def test_a_file_is_taken_without_its_line_end(name: str, mode: int, tmp_path: Path) -> None:
    given = {f"{name}_FILE": kept(tmp_path, SECRET.encode() + b"\n", mode)}
    take(given)
    take(given)
    assert given[name] == SECRET


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="others may read") as refused:
        take({"CAIRN_SECRET_KEY_FILE": kept(tmp_path, mode=mode)})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff\xfe", b"a\0b", b"x" * 20_000])
def test_what_is_not_one_line_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="one line"):
        take({"CAIRN_SMTP_FILE": kept(tmp_path, content)})


def test_a_missing_file_and_two_answers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL_FILE: the file cannot be read"):
        take({"DATABASE_URL_FILE": str(tmp_path / "none")})
    with pytest.raises(ImproperlyConfigured, match="differ"):
        take({"DATABASE_URL": "another", "DATABASE_URL_FILE": kept(tmp_path)})


def test_the_settings_have_them_before_anything_reads_them(tmp_path: Path) -> None:
    url = kept(tmp_path, b"postgresql://app:x@db.example.org/cairn\n")
    shown = subprocess.run(
        [sys.executable, "-c", "from api import settings as s; print(s.DATABASES['default'])"],
        env={"PATH": os.environ["PATH"], "CAIRN_HOME": str(tmp_path), "DATABASE_URL_FILE": url},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "'HOST': 'db.example.org'" in shown.stdout
