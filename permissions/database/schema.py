"""Schema changes: migrations for tables, whole SQL files for everything that guards them.

Tables, columns, indexes and constraints come from Django's migrations, which are added and never
edited. Functions, policies, triggers and grants are *repeatable*: each app keeps the current text
in `sql/`, and `manage.py migrate` applies all of it again when any of it, or a migration, is new:

    before.sql             as `owner`, before the migrations: the functions that a table's default,
                           index or check calls. Twice is safe.
    functions/*.sql        the first line says under which role: `-- as: definer` or `-- as: owner`
    policies/*.sql         as `owner`: row-level security, grants, policies, triggers of a table

Before the files are applied, every policy, trigger, grant and function of Cairn is removed, so that
nothing of an earlier release remains. All of this and the migrations run in one transaction
(docs/adr/0050-repeatable-sql.md).
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError

from permissions.database import catalogue

ROLES = ("app", "signin", "editor", "jobs", "auditor", "sealer", "backup", "definer")
SERVES = catalogue.FILE.with_name("serves.txt")
_AS = re.compile(r"-- as: (\w+)\n")

_generated: dict[str, Callable[[], str]] = {}
_generated_last: dict[str, Callable[[], str]] = {}  # after the policies


class Source(NamedTuple):
    """One piece of repeatable SQL, and the role that applies it."""

    name: str
    role: str
    text: str


def generate(name: str, text: Callable[[], str], *, last: bool = False) -> None:
    """Register SQL that is made from a vocabulary in Python; `text()` is applied as `owner`, before
    the functions, or `last`, after all files: triggers, which need their function.

    Registering a name twice is a programming error: an app does it once, in its `ready`.
    """
    assert name not in _generated | _generated_last, name
    (_generated_last if last else _generated)[name] = text


def floors() -> dict[str, Path]:
    """Each app with SQL files → its folder, lowest floor first (the order of INSTALLED_APPS)."""
    folders = {one.label: Path(one.path) / "sql" for one in apps.get_app_configs()}
    return {label: folder for label, folder in folders.items() if folder.is_dir()}


def _before() -> Iterator[Source]:
    for app, folder in floors().items():
        path = folder / "before.sql"
        if path.exists():
            yield Source(f"{app}/before.sql", "owner", path.read_text())


def _repeatable() -> Iterator[Source]:
    for name, made in sorted(_generated.items()):
        yield Source(name, "owner", made())
    for kind in ("functions", "policies"):
        for app, folder in floors().items():
            for path in sorted((folder / kind).glob("*.sql")):
                text = path.read_text()
                role = _AS.match(text)
                if kind == "functions" and role is None:
                    raise CommandError(f"{path}: its first line has to be `-- as: ROLE`.")
                yield Source(f"{app}/{kind}/{path.name}", role[1] if role else "owner", text)
    for name, made in sorted(_generated_last.items()):
        yield Source(name, "owner", made())


def sources() -> str:
    """A digest of all SQL that would be applied: 64 hex digits."""
    whole = hashlib.sha256()
    for one in (*_before(), *_repeatable()):
        whole.update(f"{one.name}\0{one.role}\0{one.text}\0".encode())
    return whole.hexdigest()


def before(cursor: Any) -> None:
    """Make the functions that tables call. Runs as `owner`; twice is safe."""
    for one in _before():
        _run(cursor, one)


def lock(cursor: Any) -> None:
    """Lock all of Cairn's tables against other sessions until the transaction ends.

    Without this, another session and this one could deadlock. Raises OperationalError if a session
    does not release a table within the connection's `lock_timeout`.
    """
    cursor.execute(f"SELECT string_agg(name, ', ' ORDER BY name) FROM ({_TABLES}) ours")
    ((names,),) = cursor.fetchall()
    if names:
        cursor.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")


def apply(cursor: Any) -> None:
    """Remove everything that guards the tables and make it again from the files, in the caller's
    transaction. Runs as `owner`; twice is safe. Raises CommandError."""
    for statement in _STRIP:
        cursor.execute(statement)
        cursor.execute(";\n".join(line for (line,) in cursor.fetchall()) or "SELECT 1")
    before(cursor)
    cursor.execute("SET LOCAL check_function_bodies = off")  # a body may name a later function
    for one in _repeatable():
        _run(cursor, one)
    cursor.execute("SET LOCAL check_function_bodies = on")


def _run(cursor: Any, source: Source) -> None:
    cursor.execute(f"SET LOCAL ROLE {source.role}")
    try:
        cursor.execute(source.text)
    except Exception as error:
        raise CommandError(f"{source.name}: {error}") from error
    cursor.execute("RESET ROLE")


def record(cursor: Any, found: catalogue.Catalogue) -> None:
    """Record which release made the schema, and its current fingerprint."""
    cursor.execute(
        "INSERT INTO schema_state (only_row, release, fingerprint, serves, sources, applied_at)"
        " VALUES (true, %(release)s, %(fingerprint)s, %(serves)s, %(sources)s, clock_timestamp())"
        " ON CONFLICT (only_row) DO UPDATE SET release = %(release)s,"
        " fingerprint = %(fingerprint)s, serves = %(serves)s, sources = %(sources)s,"
        " applied_at = clock_timestamp()",
        {
            "release": settings.VERSION,
            "fingerprint": catalogue.fingerprint(found),
            "serves": serves(),
            "sources": sources(),
        },
    )


def serves() -> list[str]:
    """The fingerprints of earlier releases whose code works on this schema, from `serves.txt`: one
    per line, followed by the release."""
    lines = (line.split() for line in SERVES.read_text().splitlines())
    return [words[0] for words in lines if words and not words[0].startswith("#")]


class State(NamedTuple):
    """The content of `schema_state`; `made_before`: that table is missing, but others exist."""

    release: str | None
    fingerprint: str | None
    serves: list[str]
    sources: str | None
    made_before: bool


def state(cursor: Any) -> State:
    """The schema's state as the database records it. Any role may call it."""
    cursor.execute(
        "SELECT to_regclass('public.schema_state') IS NOT NULL,"
        " to_regclass('public.django_migrations') IS NOT NULL"
    )
    ((known, migrated),) = cursor.fetchall()
    if known:
        cursor.execute("SELECT release, fingerprint, serves, sources FROM schema_state")
        for release, fingerprint, served, applied in cursor.fetchall():
            return State(release, fingerprint, served, applied, False)
    return State(None, None, [], None, made_before=migrated and not known)


MADE_BEFORE = (
    "This database was made before release 0.1.0 and cannot be upgraded. Nothing was changed."
    " Demo data: delete it with `make reset`, then `make run`. Real data: keep the earlier"
    " version running, and see deploy/RUNBOOK.md, Upgrade."
)


def trouble(cursor: Any) -> str | None:
    """Why this code must not serve on this database, with what to do about it; None if it may. Any
    role may call it; it takes about 60 ms."""
    now = state(cursor)
    if now.made_before:
        return MADE_BEFORE
    if now.fingerprint is None:
        return "This database has no schema yet: run `manage.py migrate`."
    wanted = catalogue.expected()
    ours = catalogue.fingerprint(wanted)
    found = catalogue.read(cursor)
    actual = catalogue.fingerprint(found)
    if actual == ours:
        return None
    if actual == now.fingerprint:
        if ours in now.serves:
            return None  # a later release made it, and says that this code works on it
        return (
            f"This database has the schema of release {now.release}, which is not this code's"
            f" ({settings.VERSION}): run `manage.py migrate` with the newer of the two, or serve"
            " with the release that made it."
        )
    changed = catalogue.differences(found, wanted)
    return (
        f"This database's schema is not what release {now.release} made: {_few(changed)}."
        " Run `manage.py migrate`, which makes it again, and find out who changed it."
    )


def _few(lines: list[str], most: int = 3) -> str:
    rest = len(lines) - most
    return "; ".join(lines[:most]) + (f"; and {rest} more" if rest > 0 else "")


_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('public', 'sec') AND c.relkind IN ('r', 'p')
       AND pg_get_userbyid(c.relowner) = 'owner'
"""
_NOT_OF_AN_EXTENSION = """
    NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{kind}'::regclass
                   AND e.objid = {oid} AND e.deptype = 'e')
"""
# Who else was granted something of ours: by hand, or by a release whose roles had other names.
_OTHERS = f"""
    SELECT DISTINCT a.grantee::regrole FROM (
        SELECT c.relacl FROM pg_class c JOIN ({_TABLES}) ours ON ours.name::regclass = c.oid
        UNION ALL SELECT t.attacl FROM pg_attribute t
                    JOIN ({_TABLES}) ours ON ours.name::regclass = t.attrelid
        UNION ALL SELECT p.proacl FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname IN ('public', 'sec')
        UNION ALL SELECT n.nspacl FROM pg_namespace n WHERE n.nspname IN ('public', 'sec')
    ) rights (acl), aclexplode(acl) a
     WHERE a.grantee <> 0 AND a.grantee::regrole::text <> ALL (ARRAY{["owner", *ROLES]})
"""
_KEPT = "('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass)"
# Each query returns statements to run. The order matters: a policy or trigger needs its function.
_STRIP = (
    f"""
    SELECT format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass) FROM pg_policy p
     WHERE p.polrelid IN (SELECT name::regclass FROM ({_TABLES}) ours)
    """,
    f"""
    SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t
     WHERE NOT t.tgisinternal AND t.tgparentid = 0
       AND t.tgrelid IN (SELECT name::regclass FROM ({_TABLES}) ours)
    """,
    f"""
    SELECT format('REVOKE ALL ON ALL %s IN SCHEMA %s FROM PUBLIC, {", ".join(ROLES)}', kind, place)
      FROM unnest(ARRAY['TABLES', 'SEQUENCES']) kind, unnest(ARRAY['public', 'sec']) place
    """,
    # The schema's owner may drop functions of any role. Functions that a default, check or index
    # calls stay; before.sql replaces their bodies.
    f"""
    SELECT 'DROP ROUTINE ' || string_agg(p.oid::regprocedure::text, ', ')
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN ('public', 'sec')
       AND {_NOT_OF_AN_EXTENSION.format(kind="pg_proc", oid="p.oid")}
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass
                          AND d.refobjid = p.oid AND d.classid IN {_KEPT})
    HAVING count(*) > 0
    """,
    # The files grant again what others may call of the functions that stayed.
    f"""
    SELECT format('REVOKE ALL ON ROUTINE %s FROM PUBLIC, {", ".join(ROLES)}', p.oid::regprocedure)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN ('public', 'sec') AND pg_get_userbyid(p.proowner) = 'owner'
       AND {_NOT_OF_AN_EXTENSION.format(kind="pg_proc", oid="p.oid")}
    """,
    f"""
    SELECT 'DROP TYPE ' || string_agg(c.oid::regclass::text, ', ')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'sec' AND c.relkind = 'c'
       AND {_NOT_OF_AN_EXTENSION.format(kind="pg_type", oid="c.reltype")}
    HAVING count(*) > 0
    """,
    f"""
    SELECT format('REVOKE ALL ON %s FROM %s', what, other) FROM ({_OTHERS}) others (other), (
        SELECT 'SCHEMA public, sec'
        UNION ALL SELECT format('ALL %s IN SCHEMA public, sec', kind)
          FROM unnest(ARRAY['TABLES', 'SEQUENCES']) kind
        UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure)
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('public', 'sec') AND pg_get_userbyid(p.proowner) = 'owner'
           AND {_NOT_OF_AN_EXTENSION.format(kind="pg_proc", oid="p.oid")}) ours (what)
    """,
)
