"""The SQL of the second wall, read as files: identity, log, seals, keys, channels,
auditing."""

from pathlib import Path

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def run(folder: str, name: str) -> migrations.RunSQL:
    """The whole of `folder`/`name` as one migration step. It cannot be unapplied."""
    sql = (Path(folder) / name).read_text()
    return migrations.RunSQL([sql])


def require_roles(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Fail in words when deploy/roles.sql was not run: migrations only grant (design §6)."""
    wanted = {"owner", "app", "door", "editor", "gate", "jobs", "auditor", "sealer", "backup"}
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(wanted)])
        missing = wanted - {name for (name,) in cursor.fetchall()}
    if missing:
        raise RuntimeError(
            f"The database roles {', '.join(sorted(missing))} are missing."
            " Run deploy/roles.sql as the cluster's superuser first."
        )
