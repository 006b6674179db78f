"""The access log: read by its auditors, kept from being written, written by hand."""

import ast
import contextlib
import hashlib
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from django.db import connections

from referrals.act_registry.registry import RULES
from tests.support.ground.database import (
    identify,
)
from tests.support.ground.repository import REPOSITORY
from tests.support.people.callers import agency_id


def one(superuser: Any, question: str, parameters: Any = None) -> Any:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        return cursor.fetchone()[0]


def two_months() -> list[str]:
    """This month and the next one, in UTC. A test asks once, at its beginning: what is written from
    then on is in one of them, even if a month ends meanwhile."""
    first = datetime.now(UTC).replace(day=1)
    return [f"{one:%Y-%m}" for one in (first, first + timedelta(days=31))]


def handle(superuser: Any, referral_id: str, key: str) -> str:
    """The agency's own handle for the survivor."""
    question = "SELECT subject FROM referral_side WHERE referral_id = %s AND agency_id = %s"
    return str(one(superuser, question, [referral_id, str(agency_id(key))]))


def _as_owner(statement: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)


@contextlib.contextmanager
def no_right_to_write() -> Iterator[None]:
    """`app` may no longer insert an entry."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attnum > 0"
            " AND attrelid = 'access_entry'::regclass"
            " AND has_column_privilege('app', attrelid, attnum, 'INSERT')"
        )
        columns = cursor.fetchone()[0]
    _as_owner("REVOKE ALL ON access_entry FROM app")
    try:
        yield
    finally:
        _as_owner(f"GRANT INSERT ({columns}) ON access_entry TO app")


@contextlib.contextmanager
def the_log_is_full() -> Iterator[None]:
    """Until the block ends, no caller can write an entry, for an act or for a refusal."""
    _as_owner(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no room'; END $$;"
        " CREATE TRIGGER fails BEFORE INSERT ON access_entry"
        " FOR EACH ROW EXECUTE FUNCTION fails()"
    )
    try:
        yield
    finally:
        _as_owner("DROP TRIGGER fails ON access_entry; DROP FUNCTION fails()")


def everything_stored(superuser: Any) -> str:
    """A digest of every table but the log itself."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND relname NOT LIKE 'access_entry%' AND relname <> 'credential'"
            " ORDER BY relname"
        )
        digest = hashlib.sha256()
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
            digest.update(f"{table}{cursor.fetchone()[0]}".encode())
        return digest.hexdigest()


def read_all(caller: Any, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = caller.get("/v1/access-log", {"limit": "100", **(query or {}), **more})
        assert page.status_code == 200, page.content
        items += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            return items


def leads_on(page: str) -> dict[str, str] | None:
    """The query of the link to what is earlier."""
    found = re.search(r'/desk/access-log\?([^"]*)">(?:Search older entries|Earlier ones)<', page)
    return dict(parse_qsl(html.unescape(found[1]))) if found else None


MONTH = datetime(2001, 5, 1, tzinfo=UTC)  # of no other test


def enter(cursor: Any, key: str | None, **columns: Any) -> UUID:
    """An entry as the superuser alone can lay it: whosever it is, of any time."""
    id_ = columns.setdefault("id", uuid4())
    values = {
        "agency_id": key and agency_id(key),
        "act": "webhook.list",
        "decision": "allowed",
    } | columns
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO access_entry ({names}) VALUES ({marks})", list(values.values()))
    return UUID(str(id_))


def found(cursor: Any, caller: Any, question: str, *values: Any) -> list[tuple[Any, ...]]:
    identify(cursor, caller)
    cursor.execute(question, values)
    return list(cursor.fetchall())


LISTS = {"labels.py", "log_labels.py", "actions.py", "apps.py"}  # they name acts, and write none


def acts_that_are_logged() -> set[str]:
    """Each act that the sources write into the log: `noun.verb`, of the nouns that any of them
    gives to one of the log's own functions; and each act on a referral."""
    writes = {
        *("logged_act", "log_refusal", "second_entry", "log_background_act", "log_sign_in"),
        *("require_editor", "editing_transaction", "changing", "log_in_each_agency"),
        *("administered", "provisioning", "answer_call"),
    }
    a_word = re.compile(r"([a-z_]+)\.[a-z_]+")
    said, nouns = set(), set()
    for floor in ("permissions", "directory", "referrals", "api"):
        for path in sorted((REPOSITORY / floor).rglob("*.py")):
            if "migrations" in path.parts or path.name in LISTS:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    said.add(node.value)
                if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in writes:
                    given = [one.value for one in node.args if isinstance(one, ast.Constant)]
                    words_given = [a_word.fullmatch(str(one)) for one in given]
                    nouns |= {found[1] for found in words_given if found}
    modules = {f"api.{path.stem}" for path in (REPOSITORY / "api").glob("*.py")}
    of_webhooks = {"referral.event"}  # what a message is about
    of_accountings = {"referral.work", "access_log.check"}  # lines that fold several acts
    found = {one for one in said if (is_one := a_word.fullmatch(one)) and is_one[1] in nouns}
    return (found - modules - of_webhooks - of_accountings) | {f"referral.{act}" for act in RULES}
