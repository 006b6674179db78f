"""Released migrations stay as they are, and new ones lock nothing for long."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from permissions.database import schema
from tests.upgrades.make import HERE, REPOSITORY

CHECKSUMS = HERE / "migrations.sha256"  # as `sha256sum` writes them; a release adds its own
SQUAWK = Path(sys.executable).with_name("squawk")
# Each rule that is left out has its reason.
LEFT_OUT = (
    "prefer-robust-stmts",  # a migration runs in one transaction, whole or not at all
    "require-timeout-settings",  # `manage.py migrate` sets lock_timeout for all of it
    "prefer-text-field",  # Django's own tables
    "prefer-bigint-over-int",  # numbers here count days, versions and retries
    "require-concurrent-index-creation",  # all at once, or nothing: docs/adr/0050-repeatable-sql.md
)


def released() -> dict[str, str]:
    lines = (line.split() for line in CHECKSUMS.read_text().splitlines())
    return {name: digest for digest, name in lines}


def migrations() -> list[Path]:
    folders = [REPOSITORY / app / "migrations" for app in schema.floors()]
    return sorted(path for folder in folders for path in folder.glob("0*.py"))


@pytest.mark.no_database
def test_released_migrations_are_never_edited() -> None:
    for name, digest in released().items():
        assert hashlib.sha256((REPOSITORY / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize(
    "path",
    [one for one in migrations() if str(one.relative_to(REPOSITORY)) not in released()],
    ids=lambda path: f"{path.parent.parent.name}.{path.stem}",
)
def test_a_new_migration_locks_nothing_for_long(path: Path) -> None:
    sql = io.StringIO()
    call_command("sqlmigrate", path.parent.parent.name, path.stem, database="owner", stdout=sql)
    checked = judged(sql.getvalue())
    assert checked.returncode == 0, checked.stdout


def judged(sql: str) -> subprocess.CompletedProcess[str]:
    words = [SQUAWK, "--no-error-on-unmatched-pattern", f"--exclude={','.join(LEFT_OUT)}"]
    return subprocess.run(
        [*words, "--stdin-filepath", "migration.sql"],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.no_database
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE referral ALTER COLUMN code TYPE varchar(3);",
        "ALTER TABLE referral ALTER COLUMN code SET NOT NULL;",
        "ALTER TABLE referral RENAME COLUMN code TO reason;",
        "ALTER TABLE referral DROP COLUMN code;",
    ],
)
def test_a_migration_that_would_break_what_runs_is_named(sql: str) -> None:
    assert judged(sql).returncode != 0


@pytest.mark.no_database
def test_a_migration_is_one_transaction() -> None:
    for path in migrations():
        assert "atomic = False" not in path.read_text(), path
