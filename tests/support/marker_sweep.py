"""A world of marked words, swept: which of them is found in which answer, and may it be."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

import pytest

from api import logging_config
from api.dev import demo
from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from referrals.packet_fields import PACKET_FIELDS
from tests.support import markers as marked
from tests.support import matrix, routes
from tests.support.cluster import own_cluster
from tests.support.database import as_app, protected_tables
from tests.support.http_client import HttpClient
from tests.support.markers import Kept, Marker, World, cast
from tests.support.matrix import SIGNS_OUT, TryOut, ask, browser
from tests.support.message_servers import MailServer, PhoneProvider
from tests.support.notifications import work
from tests.support.sent_markers import FarEnds, far_ends
from tests.support.stories import Story


@dataclass(frozen=True)
class Who:
    """Somebody of the cast; a system is judged by the worker whom it names."""

    name: str
    acting: str | None = None

    @property
    def key(self) -> str:
        return self.name.split(".")[0]

    @property
    def client(self) -> bool:
        return self.name.endswith(".client")

    @property
    def person(self) -> str:
        return self.acting or self.name

    @property
    def side(self) -> str:
        return {"police": "from", "ywca": "to"}.get(self.key, "")

    def has(self, *roles: str) -> bool:
        if self.client and not self.acting:
            return "worker" in roles
        key, _, short = self.person.partition(".")
        people = next((unit.people for unit in demo.CAST if unit.key == key), {})
        return bool(set(roles) & set(people[short][1])) if short in people else False


class Cell(NamedTuple):
    """One question: who asks what of which referral, rightly or with some mistake."""

    method: str
    route: str
    who: Who
    state: str
    mistake: str = ""

    def ends(self, *words: str) -> bool:
        return self.route.endswith(words)


def shown(who: Who, state: str) -> bool:
    """T2 and T5: workers, leads and systems of both sides, less those whom it bars."""
    seen = marked.STATES[state].seen
    barred = marked.BARRED.get(state, set())
    if who.person in barred or (barred and who.client and not who.acting):
        return False
    by_side = who.side in seen and who.has("worker", "lead")
    return by_side or (f"{who.side}:leads" in seen and who.person == f"{who.key}.lead")


def assigned(who: Who, state: str) -> bool:
    recipient = "ywca.lead" if state == "leads_only" else marked.RECIPIENT
    return who.person in (marked.SENDER, recipient) and shown(who, state)


def opens(marker: Marker, who: Who) -> bool:
    """T3: the sender's assignee its own; the recipient's what is released, as long as it is."""
    if not assigned(who, marker.state) or who.side not in marked.STATES[marker.state].opens:
        return False
    if who.side == "from":
        return True
    left = [marked.NARROWED] if marker.state == "narrowed" else PACKET_FIELDS
    return marker.name in left and marker.name != marked.UNRELEASED


def answers_for(marker: Marker, who: Who) -> bool:
    """Assigned members and leads of the side whose it is."""
    its_own = who.side == marker.side and shown(who, marker.state)
    return its_own and (assigned(who, marker.state) or who.has("lead"))


def has_notes(marker: Marker, who: Who) -> bool:
    """T4: assigned members of the side that wrote it, until its purge."""
    return who.side == marker.side and assigned(who, marker.state)


def reached(marker: Marker, who: Who) -> bool:
    """A member her own number; her agency's, its administrator; no system any (R10)."""
    administers = who.key == marker.side and who.has("agency_admin")
    return not who.client and (who.name == marker.side or administers)


def keeps_hooks(marker: Marker, who: Who) -> bool:
    """Its agency's administrator, and its systems (R10)."""
    of = {"from": "police", "to": "ywca"}.get(marker.side, marker.side)
    return who.key == of and (who.client or who.has("agency_admin"))


# kind      who may be told, in which answers. What is in no line is told to nobody.
TABLE: dict[str, Callable[[Marker, Cell], bool]] = {
    "packet": lambda m, c: c.ends("open_packet") and opens(m, c.who),
    "own": lambda m, c: c.ends("open_notes") and has_notes(m, c.who),
    "paper": lambda m, c: c.ends("releases") and answers_for(m, c.who),
    "notice": lambda m, c: shown(c.who, m.state),
    "referral": lambda m, c: shown(c.who, m.state) or (audits(c) and c.who.side != ""),
    "event": lambda m, c: (
        (c.ends("history", "events") and c.who.side == m.side and shown(c.who, m.state))
        or (c.ends("deliveries", "webhook_id>") and keeps_hooks(m, c.who))
    ),
    "handle": lambda m, c: audits(c) and c.who.side == m.side,
    "member": lambda m, c: c.who.key == m.side,
    "channel": lambda m, c: reached(m, c.who),
    "webhook": lambda m, c: keeps_hooks(m, c.who) and "webhooks" in c.route,
    "address": lambda m, c: c.ends("address") and c.who.key == "ywca" and not c.who.client,
    # An entry of the directory is for everybody: a field that is none may be pointed at.
    "mistake": lambda m, c: m.name == "name" and c.method in ("PUT", "PATCH") and edits_entry(c),
    # What somebody typed into a form stands in the same form once more, so that nothing is lost.
    "typed": lambda m, c: c.mistake == "form" and not c.route.startswith("v1/"),
}


def edits_entry(cell: Cell) -> bool:
    return cell.route.startswith("v1/directory/") and not cell.ends("address")


def audits(cell: Cell) -> bool:
    return cell.ends("access-log", "access-log/export") and cell.who.has("auditor")


def allowed(marker: Marker, cell: Cell) -> bool:
    rule = TABLE.get(marker.kind)
    if marker.kind == "referral" and marker.state == cell.state and "referral_id" in cell.route:
        return True  # the address itself
    return rule is not None and rule(marker, cell)


# Of the cells there are one in so many is drawn: a read (at the desk: of a page) or an act by those
# with a part in it, a question of a referral by anybody else, one of no referral likewise, one with
# a mistake. To these comes what is needed for each route in each state, and each of the cast there.
READ, PAGE, ACT, OTHERS, OF_NONE, MISTAKEN = 3, 8, 47, 107, 11, 300
SPREAD = 5  # shares no factor with any of them: each of the cast has her turn
JSON = "application/json"
TOLD_EACH = 10_000  # cells
RENEWED_S = 60  # a system's token lives five minutes
OPENS = ("open_packet", "open_notes", "returned", "releases")


def has_part(who: Who) -> bool:
    return who.side != "" and who.has("worker", "lead")


def cells(face: str, everything: bool = False) -> Iterator[Cell]:
    rows = sorted(matrix.served(), key=lambda row: (row[1], row[0]))
    people = [Who(*one) for one in cast()]
    if face == "pages":
        people = [one for one in people if not one.client]
    states = list(marked.STATES)
    kinds = MISTAKES if face == "v1" else PAGE_MISTAKES
    for row, (method, route) in enumerate(rows):
        if route.startswith("v1/") != (face == "v1"):
            continue
        reads = READ if face == "v1" or route.endswith(OPENS) else PAGE
        reads = reads if method == "GET" or route.endswith(OPENS) else ACT
        of_one = "referral_id" in route
        for at, state in enumerate(states if of_one else states[:1]):
            for number, who in enumerate(people):
                every = _every(method, who, of_one, reads)
                if everything or (row + at + number * SPREAD) % every == 0:
                    yield Cell(method, route, who, state)
                drawn = crc32(f"{row} {at} {number}".encode())
                if everything or drawn % (MISTAKEN if of_one else MISTAKEN // 10) == 0:
                    yield Cell(method, route, who, state, kinds[drawn // 97 % len(kinds)])


def _every(method: str, who: Who, of_one: bool, reads: int) -> int:
    if not of_one:
        return READ if method == "GET" and who.side else OF_NONE
    return reads if has_part(who) else OTHERS


FACES = ("v1", "pages")


def asked(*, everything: bool = False, part: int = 0, parts: int = 1) -> list[Cell]:
    """What is drawn, or a part of every cell there is; each route of a referral in each state at
    least once, rightly; and each of the cast in each state."""
    drawn = [cell for face in FACES for cell in cells(face, everything)][part::parts]
    return [*drawn, *_missing({one for one in drawn if is_of_one(one)})]


def _missing(drawn: set[Cell]) -> Iterator[Cell]:
    routes_done = {(one.method, one.route, one.state) for one in drawn}
    alone = everybody() - {(one.state, one.who) for one in drawn}
    for number, (method, route, state) in enumerate(sorted(every_route() - routes_done)):
        others = [who for at, who in alone if at == state]
        others = [who for who in others if not who.client or route.startswith("v1/")]
        one = min(others, key=repr, default=None) if method != "GET" else None
        who = one or _party(state, route, number)
        alone.discard((state, who))
        yield Cell(method, route, who, state)
    for state, who in sorted(alone, key=repr):
        yield Cell("GET", matrix.R, who, state)


def _party(state: str, route: str, number: int) -> Who:
    """Somebody with a part in it, who is shown it where anybody is; each in turn."""
    parties = [who for one in cast() if has_part(who := Who(*one))]
    parties = [who for who in parties if not who.client or route.startswith("v1/")]
    parties = [who for who in parties if shown(who, state)] or parties
    return parties[number % len(parties)]


def is_of_one(cell: Cell) -> bool:
    return "referral_id" in cell.route and not cell.mistake


def every_route() -> set[tuple[str, str, str]]:
    of_one = [(method, route) for method, route in matrix.served() if "referral_id" in route]
    return {(*one, state) for one in of_one for state in marked.STATES}


def everybody() -> set[tuple[str, Who]]:
    return {(state, Who(*one)) for one in cast() for state in marked.STATES}


MISTAKES = ("name", "value", "text", "inner", "headers", "acting", "query", "media", "bearer")
PAGE_MISTAKES = ("form", "form", "query", "headers")


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
    leaks: dict[tuple[str, ...], list[Any]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    browsers: dict[str, HttpClient] = field(default_factory=dict)
    callers: dict[Who, tuple[float, Any]] = field(default_factory=dict)
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
            if not allowed(marker, cell):
                self.leak(marker, cell)
        if whole_answers and cell.route.endswith(OPENS) and not cell.mistake and _shows(cell):
            expected = {one for one in self.world.marks.values() if _due(one, cell)}
            assert expected <= found, (cell, answer.status_code, expected - found)
        if cell.method != "GET" and answer.status_code < 400:
            self.kept.put_back()

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
        looks = cell.method == "GET" or cell.ends("address")
        return path.replace(self.at.office, self.world.place) if looks else path

    def _ask(self, cell: Cell) -> Any:
        if not cell.route.startswith("v1/"):
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
            answer = http.post(path, given, headers=headers)
        else:
            answer = http.get(path, headers=headers)
        if cell.route in SIGNS_OUT or cell.route.startswith("accounts/"):
            del self.browsers[name]
        return answer


HEADERS = ("If-Match", "If-None-Match", "Idempotency-Key", "User-Agent", "Referer", "X-Request-Id")


def _shows(cell: Cell) -> bool:
    """Whether the answer to a right question should hold what the table allows it."""
    return (cell.method == "POST") == cell.ends("open_packet", "open_notes")


def _due(marker: Marker, cell: Cell) -> bool:
    of_it = marker.state == cell.state and marker.kind in ("packet", "own", "paper")
    words = marker.name == marked.CODED and not cell.route.startswith("v1/")  # shown as words
    return of_it and marker.name != "row" and not words and allowed(marker, cell)


def whole(answer: Any) -> str:
    """Status line, headers, cookies and body, whatever is encoded in it decoded."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return f"{answer.reason_phrase} {dict(answer.items())} {answer.cookies} {body.decode()}"


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
    """What arrives at a real mail server of all that has happened, as it arrives."""
    work()
    assert mails.received, "somebody was told"
    for _address, letter in mails.received:
        yield "\n".join(f"{name}: {value}" for name, value in letter.items() if name != "To")
        yield str(letter.get_payload(decode=True))


# Columns that hold a word as it was written: the notice is coded but for the worker's own number,
# the place of a paper is a T4 row of the agency that recorded it, a key is its caller's.
IN_CLEAR = {
    ("referral", "callback"): "notice",
    ("release_paper", "evidence_ref"): "paper",
    ("permissions_membership", "name"): "member",
    ("idempotency_key", "key"): "mistake",
    ("channel", "address"): "channel",
    ("webhook_endpoint", "url"): "webhook",
}

# A word as it stands, or as bytes; an extension; a number that is rung.
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
