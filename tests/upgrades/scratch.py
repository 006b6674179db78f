"""A scratch copy of the checkout with one commit more, as the next release would be, and a database
made of an earlier release's dump."""

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

from api.dev.postgres import Cluster
from tests.upgrades.make import HERE, REPOSITORY

RELEASES = sorted(one.parent.name for one in HERE.glob("*/database.sql.gz"))

MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "{last}")]
    operations = [
        migrations.AddField(
            "referral", "of_a_test", models.TextField(null=True)
        ),
    ]
"""
FUNCTION = """-- as: {definer}
-- Added by a test of upgrades.
CREATE FUNCTION sec.of_a_test(number integer) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN number > 0;
END $$;
REVOKE ALL ON FUNCTION sec.of_a_test(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.of_a_test(integer) TO app;
"""
POLICY = """
CREATE POLICY of_a_test ON referral AS RESTRICTIVE FOR SELECT TO app
    USING ((SELECT sec.of_a_test(1)));
"""


def restore(version: str, home: Path) -> Cluster:
    """A cluster in `home` with the database of that release's dump, started, and its keys."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with tarfile.open(HERE / version / "home.tar.gz") as archive:
        archive.extractall(home, filter="data")
    cluster = Cluster(home)
    cluster.start()
    with closing(cluster.connect_superuser("cairn")) as session:
        session.cursor().execute(gzip.decompress((HERE / version / "database.sql.gz").read_bytes()))
    return cluster


def environment(home: Path) -> dict[str, str]:
    """For a command of `manage.py` on `home`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAIRN_", "DATABASE_URL")) or name == "CAIRN_POSTGRES"
    }
    return kept | {"CAIRN_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def manage(checkout: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end; what it printed is in `stdout`, both streams together."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=checkout,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def done(checkout: Path, home: Path, *words: str) -> str:
    """What `manage.py` printed. Raises AssertionError with it where it failed."""
    ended = manage(checkout, home, *words)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def copy(to: Path) -> Path:
    """The files of this checkout that git knows or would take, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, to / name)
    return to


def next_release(to: Path, fresh_home: Path) -> Path:
    """`changed_copy` with the catalogue of a new database, made as the guide says."""
    done(changed_copy(to), fresh_home, "schema", "--write")
    return to


def changed_copy(to: Path) -> Path:
    """A copy at `to` with a column, a function and a policy more; its catalogue is still ours."""
    copy(to)
    from permissions.database import catalogue

    ours = catalogue.fingerprint(catalogue.expected())
    migrations = to / "referrals" / "migrations"
    last = max(one.stem for one in migrations.glob("0*.py"))
    number = int(last[:4]) + 1
    (migrations / f"{number:04}_of_a_test.py").write_text(MIGRATION.format(last=last))
    models = (
        next(
            one
            for one in (to / "referrals").glob("models*/**/*.py")
            if "class Referral(" in one.read_text()
        )
        if (to / "referrals" / "models").is_dir()
        else to / "referrals" / "models.py"
    )
    text = models.read_text()
    head, tail = text.split("class Referral(models.Model):", 1)
    column = "    reference = models."
    models.write_text(
        f"{head}class Referral(models.Model):"
        + tail.replace(column, f"    of_a_test = models.TextField(null=True)\n{column}", 1)
    )
    some = next((to / "referrals" / "sql" / "functions").glob("*.sql")).read_text()
    definer = some.split("\n", 1)[0].removeprefix("-- as: ")
    functions = to / "referrals" / "sql" / "functions"
    (functions / "of_a_test.sql").write_text(FUNCTION.format(definer=definer))
    policies = to / "referrals" / "sql" / "policies" / "referral.sql"
    policies.write_text(policies.read_text() + POLICY)
    project = to / "pyproject.toml"
    version = next(line for line in project.read_text().splitlines() if line.startswith("version"))
    project.write_text(project.read_text().replace(version, 'version = "99.0.0"', 1))
    serves = to / "permissions" / "sql" / "serves.txt"
    serves.write_text(f"{serves.read_text()}{ours} of this release\n")
    return to
