"""Mutants of the second wall: each policy and each function of schema `sec`, from the catalogue."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connections

from tests.mutate.conditions import dropped

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Mutant:
    """`name` says what is weakened, and is what `--only` and the list of equivalents speak of."""

    kind: str
    name: str
    applied: Callable[[], AbstractContextManager[None]]
    about: str  # a table, function, act or module: who judges it depends on that
    roles: frozenset[str] = field(default=frozenset())  # of a policy


# Functions that decide nothing about access, and why.
DECIDE_NOTHING = {
    "add_log_partitions": "makes the log's months, as the owner",
    "add_log_partition": "likewise",
    "move_to_log_partition": "likewise",
    "guard_log_partition": "likewise",
    "derive_postcodes": "where postcodes are, from public addresses: tests/test_directory_secrets",
    "postcode": "spells one",
    "refuse_rewrite": "only raises; its conditions are the trigger's",
    "wake_jobs": "a hint to the background work, which looks by itself, too",
    "wake_message_job": "likewise",
}


HASH = {"entry_leaf", "entry_leaf_text"}  # what is sealed is what these make of an entry


class Numbered:
    """Tells names apart that are said more than once: the second is `… (2)`."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        self.seen[name] = self.seen.get(name, 0) + 1
        return name if self.seen[name] == 1 else f"{name} ({self.seen[name]})"


# -- Policies --------------------------------------------------------------------------------------


def policies(superuser: Any) -> list[tuple[str, str, list[str], str | None, str | None]]:
    """Table, name, roles, USING and WITH CHECK of every policy."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, policyname, roles::text[], qual, with_check FROM pg_policies"
            " WHERE schemaname = 'public' ORDER BY tablename, policyname"
        )
        found: list[tuple[str, str, list[str], str | None, str | None]] = cursor.fetchall()
    return found


def of_policies(superuser: Any) -> Iterator[Mutant]:
    """Each policy as `true`, and without each of its conditions."""
    numbered = Numbered()
    for table, name, roles, using, check in policies(superuser):
        for clause, real in (("USING", using), ("WITH CHECK", check)):
            for mutated, condition in _weaker(real):
                yield Mutant(
                    "policy",
                    numbered(f"{table}.{name} {clause} without {' '.join(condition.split())}"),
                    _altering(table, name, clause, real or "", mutated),
                    table,
                    frozenset(roles),
                )


def _weaker(real: str | None) -> Iterator[tuple[str, str]]:
    if real is None or real == "true":
        return
    yield "true", "everything"
    if real != "false":
        yield from ((text, condition) for text, condition in weakened(real) if text != "true")


def weakened(expression: str) -> Iterator[tuple[str, str]]:
    """The expression with one condition replaced by `true`, and that condition: each in turn.

    PostgreSQL writes conjunctions and disjunctions in full parentheses: `((a) AND (b))`.
    """
    inner = expression.strip()
    while inner.startswith("(") and _closes(inner):
        inner = inner[1:-1].strip()
    for word in (" OR ", " AND "):
        parts = _split(inner, word)
        if len(parts) > 1:
            for place, part in enumerate(parts):
                for mutated, condition in weakened(part):
                    kept = [*parts[:place], mutated, *parts[place + 1 :]]
                    yield f"({word.join(kept)})", condition
            return
    yield "true", inner


def _split(expression: str, word: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place in re.finditer(rf"[()]|{word}", expression):
        if place[0] == "(":
            depth += 1
        elif place[0] == ")":
            depth -= 1
        elif depth == 0:
            parts.append(expression[start : place.start()])
            start = place.end()
    return [*parts, expression[start:]]


def _closes(expression: str) -> bool:
    """Whether the first parenthesis is closed by the last."""
    depth = 0
    for place, letter in enumerate(expression):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(expression) - 1
    return False


def _altering(
    table: str, name: str, clause: str, real: str, mutated: str
) -> Callable[[], AbstractContextManager[None]]:
    return lambda: altered(table, name, clause, real, mutated)


@contextmanager
def altered(table: str, name: str, clause: str, real: str, mutated: str) -> Iterator[None]:
    """A policy says something else for a while."""

    def alter(expression: str) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER POLICY {name} ON {table} {clause} ({expression})")

    alter(mutated)
    try:
        yield
    finally:
        alter(real)


# -- Functions -------------------------------------------------------------------------------------


def functions(superuser: Any) -> list[tuple[str, str, str]]:
    """Name, definition and body of each function of schema `sec` that has a body of its own."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, pg_get_functiondef(p.oid), p.prosrc FROM pg_proc p"
            " JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'sec'::regnamespace AND l.lanname IN ('plpgsql', 'sql')"
            " ORDER BY p.proname, p.oid"
        )
        found: list[tuple[str, str, str]] = cursor.fetchall()
    return found


def of_functions(superuser: Any) -> Iterator[Mutant]:
    """Each function without each of its conditions."""
    numbered = Numbered()
    for function, definition, body in functions(superuser):
        if function in DECIDE_NOTHING:
            continue
        for one in dropped(body):
            name = numbered(f"sec.{function}: {one.answer} for {one.condition}")
            changed = definition.replace(body, one.text)
            hashes = function in HASH
            applied = _replacing(superuser, definition, changed, hashes=hashes)
            yield Mutant("function", name, applied, function)


def _replacing(
    superuser: Any, real: str, changed: str, *, hashes: bool
) -> Callable[[], AbstractContextManager[None]]:
    return lambda: replaced(superuser, real, changed, hashes=hashes)


@contextmanager
def replaced(superuser: Any, real: str, changed: str, *, hashes: bool = False) -> Iterator[None]:
    """A function says something else for a while; its owner and rights stay."""
    with superuser.cursor() as cursor:
        cursor.execute(changed)
    try:
        yield
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(real)
        if hashes:
            _begin_the_log_anew(superuser)


def _begin_the_log_anew(superuser: Any) -> None:
    """No test empties it: what was hashed by another function would look tampered with for good."""
    from tests.support.people.seals import guard, partitions

    tables = [*partitions(superuser), "access_entry", "log_leaf", "log_checkpoint"]
    with superuser.cursor() as cursor:
        guard(cursor, tables, "DISABLE")
        cursor.execute("TRUNCATE access_entry, log_leaf, log_checkpoint")
        cursor.execute("UPDATE log_watch SET seq = 0, at = NULL, faults = 0, first_fault = NULL")
        guard(cursor, tables, "ENABLE ALWAYS")


def tables_asking(superuser: Any) -> dict[str, list[str]]:
    """By function: the tables whose policies, to those who serve requests or read the log, ask it,
    or ask one that asks it."""
    bodies = {name: body for name, _, body in functions(superuser)}
    asked: dict[str, list[str]] = {}
    for table, _, roles, *texts in policies(superuser):
        if not {"app", "auditor", "editor"} & set(roles):
            continue
        found, text = set[str](), " ".join(one or "" for one in texts)
        while more := set(re.findall(r"\bsec\.(\w+)\(", text)) - found:
            found |= more
            text = " ".join(bodies.get(name, "") for name in more)
        for name in found:
            if table not in asked.setdefault(name, []):
                asked[name].append(table)
    return asked


def file_of(function: str) -> str:
    """The file of SQL that makes a function: `referrals/blocks`."""
    for path in sorted(REPOSITORY.glob("*/sql/functions/*.sql")):
        if re.search(rf"CREATE FUNCTION sec\.{function}\(", path.read_text()):
            return f"{path.parts[-4]}/{path.stem}"
    return ""
