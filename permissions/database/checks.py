"""Django system checks for deployment mistakes; `manage.py check --database default` runs all.

permissions.E001  psycopg 3 is importable: Django would silently prefer it
permissions.E002  the role of a connection is a superuser or bypasses row security
permissions.E003  the clock is shifted
permissions.E004  the server's version has a known hole in row security
permissions.E005  a commit does not wait for the disk: the log might lack what was served
permissions.E006  one request's connection could read another's queries, tokens included
permissions.E007  the schema is not the one that this code works on
permissions.E008  a role has settings that deploy/roles.sql does not give it
permissions.E009  the role may call functions of the server that nothing of Cairn calls
permissions.E010  the keys have no second copy: no key ends, and old backups open what was purged
permissions.E011  the journal of closings lies with its keys, or with what it outlives
permissions.W001  the folder of keys is accessible to others than its owner
"""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import Error, Tags, register
from django.db import connections

from permissions.database import role_settings, schema

# The first releases without PostgreSQL CVE-2025-8713 and CVE-2023-2455.
SAFE_VERSIONS = {15: 150014, 16: 160010, 17: 170006}
# Connections on which requests are answered, each with a caller's identity.
SERVING = ("default", "signin", "editor", "auditor")
# A sample of what deploy/server_functions.sql closes.
UNUSED_FUNCTIONS = ["lo_create", "lo_from_bytea", "pg_terminate_backend", "pg_cancel_backend"]


@register(Tags.database)
def database_is_the_second_wall(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[Error]:
    """permissions.E002 to E009, for each connection in `databases`."""
    errors = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolbypassrls, current_user,"
                " current_setting('server_version_num')::int,"
                " current_setting('synchronous_commit') = 'off',"
                " current_setting('track_activities') = 'on' OR EXISTS ("
                " SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'),"
                " EXISTS (SELECT FROM pg_proc p"
                " WHERE p.proname = ANY (%s) AND has_function_privilege(p.oid, 'EXECUTE'))"
                " FROM pg_roles WHERE rolname = current_user",
                [UNUSED_FUNCTIONS],
            )
            unsafe, role, version, hasty, shown, open_ = cursor.fetchone() or (
                *(True, "?", 0, True, True, True),
            )
            if unsafe:
                errors.append(
                    Error(
                        f"The role {role} of the connection {alias} goes around row security.",
                        hint="Run deploy/roles.sql and name the role it made.",
                        id="permissions.E002",
                    )
                )
            if version < SAFE_VERSIONS.get(version // 10000, 150000):
                errors.append(
                    Error(
                        "This PostgreSQL has a known hole in row security.",
                        hint="15.14, 16.10, 17.6 or newer.",
                        id="permissions.E004",
                    )
                )
            if hasty:
                errors.append(
                    Error(
                        f"A commit of the connection {alias} does not wait for the disk: after a"
                        " crash the log would lack what was served.",
                        hint="synchronous_commit = on, for this role, database and server.",
                        id="permissions.E005",
                    )
                )
            if shown and alias in SERVING:
                errors.append(
                    Error(
                        f"Sessions of the role {role} read one another's queries, tokens included.",
                        hint="Run deploy/roles.sql (track_activities = off), and in this database"
                        " DROP EXTENSION pg_stat_statements: it keeps what was run.",
                        id="permissions.E006",
                    )
                )
            if open_ and not unsafe:
                errors.append(
                    Error(
                        f"The role {role} may end its other sessions or store large objects.",
                        hint="Run deploy/server_functions.sql in this database.",
                        id="permissions.E009",
                    )
                )
            if alias == "default":
                errors += _clock(cursor)
                errors += [
                    Error(
                        f"The role {one} has settings that were not given to it.",
                        hint="Treat it as an intrusion: deploy/RUNBOOK.md, permissions.E008.",
                        id="permissions.E008",
                    )
                    for one in role_settings.changed(cursor)
                ]
                if found := schema.trouble(cursor):
                    errors.append(Error(found, id="permissions.E007"))
    return errors


def _clock(cursor: Any) -> list[Error]:
    cursor.execute("SELECT to_regprocedure('sec.shift()') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return []  # not migrated yet
    cursor.execute("SELECT sec.shift() = '0'")
    if cursor.fetchone()[0]:
        return []
    return [
        Error(
            "The clock was shifted: every deadline and release would be judged wrongly.",
            hint="As owner: UPDATE clock_offset SET shift = '0'.",
            id="permissions.E003",
        )
    ]


@register()
def only_psycopg2(**kwargs: Any) -> list[Error]:
    """permissions.E001."""
    if importlib.util.find_spec("psycopg") is None:
        return []
    return [
        Error(
            "psycopg 3 is installed: Django silently prefers it, and Cairn is not tested with it.",
            hint="pip uninstall psycopg",
            id="permissions.E001",
        )
    ]


@register()
def key_files_are_private(**kwargs: Any) -> list[checks.Warning]:
    """permissions.W001: a restored copy may have wrong modes. An absent folder is not reported."""
    folder = Path(settings.KEYS_CARRIED).parent
    try:
        found = [folder, *folder.rglob("*")]
        opened = [path for path in found if os.stat(path).st_mode & 0o077]
    except OSError:  # missing, or owned by another user: code that needs a key reports it
        return []
    if not opened:
        return []
    return [
        checks.Warning(
            f"{len(opened)} of the files and folders of keys may be read or written by others.",
            hint="chmod -R go= on the folder (CAIRN_KEY_FOLDER).",
            id="permissions.W001",
        )
    ]


@register(deploy=True)
def keys_have_a_second_copy(**kwargs: Any) -> list[Error]:
    """permissions.E010: without a second copy no key ends, since a lost disk would lose it all."""
    if settings.KEY_COPY or settings.KEY_STORE["class"] != "permissions.keys.keystore.FileKeyStore":
        return []
    return [
        Error(
            "The keys have no second copy, so no key ends: old backups open what was purged.",
            hint="Set CAIRN_KEY_COPY to a folder on other storage.",
            id="permissions.E010",
        )
    ]


@register(deploy=True)
def journal_lies_elsewhere(**kwargs: Any) -> list[Error]:
    """permissions.E011: who takes the key folder or its copy takes the journal as well, and who
    reads the journal finds its keys there."""
    journal = Path(settings.JOURNAL_FOLDER).resolve()
    keys = Path(settings.BINDING_FOLDER).resolve().parent
    others = [keys, *([Path(settings.KEY_COPY).resolve()] if settings.KEY_COPY else [])]
    if not any(journal.is_relative_to(one) or one.is_relative_to(journal) for one in others):
        return []
    return [
        Error(
            "The journal of closings lies in the folder of keys, or around it.",
            hint="Set CAIRN_JOURNAL to a folder of its own, on storage of its own.",
            id="permissions.E011",
        )
    ]
