"""A world of marked words, swept: which of them is found in which answer, and may it be."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from api import logging_config
from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from tests.support.ground.cluster import own_cluster
from tests.support.ground.database import as_app, protected_tables
from tests.support.ground.http_client import HttpClient
from tests.support.ground.kept_rows import Kept
from tests.support.people.exports import opened
from tests.support.people.notifications import work
from tests.support.people.stories import Story
from tests.support.proofs import markers as marked
from tests.support.proofs import matrix, routes
from tests.support.proofs.answer_text import unpacked
from tests.support.proofs.marker_table import (
    JSON,
    MISTAKES,
    OPENS,
    RENEWED_S,
    TOLD_EACH,
    Cell,
    Who,
    allowed,
    answers_for,
    keeps_hooks,
    reached,
    shown,
)
from tests.support.proofs.markers import Marker, World, cast
from tests.support.proofs.matrix import TryOut, ask, browser
from tests.support.proofs.route_table import SIGNS_OUT
from tests.support.proofs.sent_markers import FarEnds, far_ends
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.trace_collector import Collector


class At(TryOut):
    """The addresses and bodies of the matrix, of a referral of the world."""

    office = str(id_of(directory_demo.SOURCE, "location", "shelter-office"))

    def begin(self) -> None:
        self.story = Story(self.api, self.service)


@dataclass
class Sweep:
    """Asks, looks, and puts back what an act has changed."""

    world: World
    kept: Kept
    at: At
    collector: Collector | None = None  # of traces
    leaks: dict[tuple[str, ...], list[Any]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    browsers: dict[str, HttpClient] = field(default_factory=dict)
    callers: dict[Who, tuple[float, Any]] = field(default_factory=dict)
    typed_at: set[tuple[str, str]] = field(default_factory=set)  # by whom, at which address
    visited: int = 0

    def __post_init__(self) -> None:
        self.words = {kind: self.world.mark("mistake", kind) for kind in (*MISTAKES, "more")}
        self.words["typed"] = self.world.mark("typed", "form")

    def over(self, some: list[Cell], tell: Callable[[str], None] = lambda _: None) -> None:
        for number, cell in enumerate(some):
            self.visit(cell)
            if number % TOLD_EACH == TOLD_EACH - 1:
                tell(f"{number + 1:,} of {len(some):,} cells, {len(self.leaks)} leaks")

    def visit(self, cell: Cell, *, whole_answers: bool = True) -> None:
        self.at.story.id = self.world.ids[cell.state]
        answer = self._ask(cell)
        text = whole(answer)
        found = self.world.found_in(text)
        self.visited += 1
        self.statuses[answer.status_code] += 1
        for marker in found:
            if not allowed(marker, cell) and not self._typed_there(marker, cell):
                self.leak(marker, cell)
        if whole_answers and cell.route.endswith(OPENS) and not cell.mistake and _shows(cell):
            expected = {one for one in self.world.marks.values() if _due(one, cell)}
            assert expected <= found, (cell, answer.status_code, expected - found)
        if cell.method != "GET" and answer.status_code < 400:
            self.kept.put_back()

    def _typed_there(self, marker: Marker, cell: Cell) -> bool:
        """Whether she typed it into this form before: it is there again, in her browser alone."""
        return marker.kind == "typed" and (cell.who.name, self.path(cell)) in self.typed_at

    def take_exports(self) -> None:
        """Each lead takes what they asked for, which is unsealed here: it holds every referral that
        they are shown, and no other word that is not theirs in a list."""
        for key in self.world.exports:
            for route in TAKES:
                cell = Cell("GET", route, Who(f"{key}.lead"), "draft")
                answer = self._ask(cell)
                assert answer.status_code == 200, (cell, answer.content)
                found = self.world.found_in(whole(answer))
                due = {state for state in self.world.ids if shown(cell.who, state)}
                assert {one.state for one in found if one.kind == "referral"} == due, cell
                for marker in found:
                    if not allowed(marker, cell) or marker.kind == "notice":
                        self.leak(marker, cell)
                self.visited += 1

    def leak(self, marker: Marker, where: Any) -> None:
        head = where[:2] if isinstance(where, Cell) else (str(where),)
        self.leaks.setdefault((marker.kind, marker.name, *head), []).append((marker, where))

    def nothing_leaked(self) -> None:
        told = [(*key, len(found), found[0]) for key, found in self.leaks.items()]
        assert not told, "\n".join(map(str, told))

    # -- Asking

    def path(self, cell: Cell) -> str:
        path = self.at.address(cell.route)
        if "webhook_id" in cell.route and self.world.hooks:
            hook = self.world.hooks.get(cell.who.key, self.world.hooks["police"])
            path = path.replace(routes.NOWHERE, hook)
        if "export_id" in cell.route:
            export = self.world.exports.get(cell.who.key, self.world.exports["police"])
            path = path.replace(routes.NOWHERE, export).replace("/parts/40", "/parts/1")
        looks = cell.method == "GET" or cell.ends("address")
        return path.replace(self.at.office, self.world.place) if looks else path

    def _ask(self, cell: Cell) -> Any:
        if not cell.route.startswith(routes.FACES):
            return self._page(cell)
        opened, caller = self.callers.get(cell.who, (0, None))
        if time.monotonic() - opened > RENEWED_S:
            who = None if cell.who.name == "none" else cell.who.name
            caller = self.at.api(who, cell.who.acting)
            self.callers[cell.who] = time.monotonic(), caller
        if cell.mistake:
            return self._wrongly(caller, cell)
        return ask(caller, cell.method, self.path(cell), self.at, cell.route)

    def _wrongly(self, caller: Any, cell: Cell) -> Any:
        word, more = self.words[cell.mistake], self.words["more"]
        path, headers, kind = self.path(cell), caller.headers({}), JSON
        body = matrix.body(self.at, cell.route) if cell.method != "GET" else None
        right = dict(body or {})
        content = routes.as_json(right)
        match cell.mistake:
            case "name":
                content = routes.as_json(right | {word: more})
            case "value":
                content = routes.as_json(dict.fromkeys(right or ["text"], word))
            case "inner":
                content = routes.as_json({name: {word: [more, 5]} for name in right})
            case "text":
                content = f'{{"{word}": {more}'.encode()
            case "media":
                kind = f"text/{word}"
            case "query":
                path += f"{'&' if '?' in path else '?'}{word}={more}"
            case "bearer":
                headers["Authorization"] = f"Bearer {word}"
            case "acting":
                headers["Acting-Member"] = word
            case "headers":
                headers |= dict.fromkeys(HEADERS, word)
                if not routes.takes_key(cell.method, cell.route):  # it goes no further with one
                    del headers["Idempotency-Key"]
        content = b"" if cell.method == "GET" else content
        return caller.http.generic(cell.method, path, content, content_type=kind, headers=headers)

    def browser_of(self, name: str) -> HttpClient:
        return self.browsers.get(name) or self.browsers.setdefault(name, browser(name))

    def _page(self, cell: Cell) -> Any:
        name = cell.who.name
        http = self.browser_of(name)
        path, word = self.path(cell), self.words["typed"]
        given = matrix.form(self.at, cell.route) if cell.method == "POST" else {}
        headers = {}
        match cell.mistake:
            case "form":
                given = {one: word for one in given if one != "key"} | {"text": word, "q": word}
                if cell.route.startswith("accounts/"):
                    given |= dict.fromkeys(("password", "code"), self.words["more"])
            case "query":
                word, more = self.words["query"], self.words["more"]
                path += f"{'&' if '?' in path else '?'}{word}={more}"
            case "headers":
                headers = dict.fromkeys(HEADERS, self.words["headers"])
        if cell.method == "POST":
            if cell.mistake == "form":
                self.typed_at.add((name, path))
            answer = http.post(path, given, headers=headers)
            if answer.get("Location") == path:  # what was opened is shown there, once
                answer = http.get(path, headers=headers)
        else:
            answer = http.get(path, headers=headers)
        if cell.route in SIGNS_OUT or cell.route.startswith("accounts/"):
            del self.browsers[name]
        return answer


HEADERS = ("If-Match", "If-None-Match", "Idempotency-Key", "User-Agent", "Referer", "X-Request-Id")


TAKES = (
    "v1/exports/<uuid:export_id>/parts/<int:number>",
    "desk/exports/<uuid:export_id>/download",
)


def _shows(cell: Cell) -> bool:
    """Whether the answer to a right question should hold what the table allows it."""
    return (cell.method == "POST") == cell.ends("open_packet", "open_notes")


def _due(marker: Marker, cell: Cell) -> bool:
    of_it = marker.state == cell.state and marker.kind in ("packet", "own", "paper")
    page = not cell.route.startswith(routes.FACES)
    words = marker.name == marked.CODED and page  # shown as words
    return of_it and marker.name != "row" and not words and allowed(marker, cell)


def whole(answer: Any) -> str:
    """Status line, headers, cookies and body, whatever is encoded in it decoded, and the parts of
    an export unsealed."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    text = unpacked(body, answer).decode()
    if ".jwe" in answer.get("Content-Disposition", ""):
        text += "".join(str(opened(part)) for part in text.splitlines())
    return f"{answer.reason_phrase} {dict(answer.items())} {answer.cookies} {text}"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Whatever the process logs meanwhile, through its own handlers, at the finest level."""
    written = io.StringIO()
    with contextlib.redirect_stderr(written):
        logging_config.configure({"level": "DEBUG"})
    yield written
    logging_config.configure({"level": "INFO"})


@pytest.fixture
def far(settings: Any, mails: MailServer, phones: PhoneProvider) -> Iterator[FarEnds]:
    with far_ends(settings, mails, phones) as listening:
        yield listening


def servers_log() -> str:
    return str(own_cluster()._server.log.read_text(errors="replace"))


def letters(mails: MailServer) -> Iterator[str]:
    """The mails that a real mail server receives about everything that has happened."""
    work()
    assert mails.received, "no mail was sent"
    for _address, letter in mails.received:
        yield "\n".join(f"{name}: {value}" for name, value in letter.items() if name != "To")
        yield str(letter.get_payload(decode=True))


# Columns that hold a word as it was written: the notice is coded but for the worker's own number,
# the place of a paper is a T4 row of the agency that recorded it.
IN_CLEAR = {
    ("referral", "callback"): "notice",
    ("release_paper", "evidence_ref"): "paper",
    ("permissions_membership", "name"): "member",
    ("channel", "address"): "channel",
    ("webhook_endpoint", "url"): "webhook",
}

# A word as text or as bytes; an extension; a number to call.
IN_A_COLUMN = r"zq[g-y]{14}|7a71(6[7-9a-f]|7[0-9]){14}|x[0-9]{6}\y|\+1[0-9]{3}55501[0-9]{2}"


def search_tables(sweep: Sweep, superuser: Any) -> None:
    """Every column of every table there is, found in the catalogue: messages, deliveries, jobs and
    whatever else comes are looked through the day they come."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' ORDER BY relname"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT DISTINCT one.key, one.value FROM public.{table} t,"
                f" jsonb_each_text(to_jsonb(t)) one WHERE one.value ~* '{IN_A_COLUMN}'"
            )
            for column, value in cursor.fetchall():
                text = bytes.fromhex(value[2:]).decode("latin-1") if value[:2] == "\\x" else value
                for marker in sweep.world.found_in(text):
                    if IN_CLEAR.get((table, column)) != marker.kind:
                        sweep.leak(marker, f"{table}.{column}")


def search_rows_as_everybody(sweep: Sweep) -> None:
    """What each of the cast gets of each protected table by raw SQL, as `app` and her own self."""
    for who in (Who(*one) for one in cast()):
        caller = sweep.at.api(None if who.name == "none" else who.name, who.acting)
        with as_app(caller) as cursor:
            for table in protected_tables(cursor):
                cursor.execute(
                    "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
                    " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                    " AND has_column_privilege(attrelid, attnum, 'SELECT')",
                    [table],
                )
                (columns,) = cursor.fetchone()
                if columns is None:
                    continue
                cursor.execute(f"SELECT (row({columns}))::text FROM {table}")
                text = "\n".join(row for (row,) in cursor.fetchall())
                sweep.visited += 1
                cell = Cell("SQL", table, who, "")
                for marker in sweep.world.found_in(text):
                    if not _by_sql(marker, who, table):
                        sweep.leak(marker, cell)


def _by_sql(marker: Marker, who: Who, table: str) -> bool:
    """The second wall alone: what an injected query is held to."""
    match marker.kind:
        case "paper":
            return answers_for(marker, who)
        case "channel":
            return reached(marker, who)
        case "webhook":
            return keeps_hooks(marker, who)
        case "notice" | "referral":
            return shown(who, marker.state)
        case "event" if table == "webhook_delivery":  # what became of it: an id
            return keeps_hooks(marker, who)
        case "event" | "own" | "handle":
            return who.side == marker.side and shown(who, marker.state) and marker.name == "row"
        case "member":
            # Of the other side's people a number, who did what both sides know; never a name.
            return who.key == marker.side or who.side != ""
    return False
