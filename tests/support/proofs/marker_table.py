"""Which marked words may be found in whose answers, and which answers are looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from api.dev.cast import CAST
from referrals.act_registry.registry import ACTS, MOVES, Answer
from referrals.packet_fields import PACKET_FIELDS
from tests.support.ground.short_form import each_once
from tests.support.proofs import markers as marked
from tests.support.proofs import matrix, route_table, routes
from tests.support.proofs.marker_states import STATES
from tests.support.proofs.markers import Marker, cast


@dataclass(frozen=True)
class Who:
    """A member of the cast, or a system, which is judged by the worker whom it names."""

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
        people = next((unit.people for unit in CAST if unit.key == key), {})
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
    seen = STATES[state].seen
    barred = marked.BARRED.get(state, set())
    if who.person in barred or (barred and who.client and not who.acting):
        return False
    by_side = who.side in seen and who.has("worker", "lead")
    return by_side or (f"{who.side}:leads" in seen and who.person == f"{who.key}.lead")


def assigned(who: Who, state: str) -> bool:
    recipient = "ywca.lead" if state == "leads_only" else marked.RECIPIENT
    return who.person in (marked.SENDER, recipient) and shown(who, state)


def reviews_from_outside(marker: Marker, cell: Cell) -> bool:
    """The outside reviewer of an agency of one helps its member when they lost their sign-in."""
    return cell.ends("desk/resets") and (marker.side, cell.who.name) == ("solo", "ywca.lead")


def opens(marker: Marker, who: Who) -> bool:
    """T3: the sender's assignee its own; the recipient's what is released, as long as it is."""
    if not assigned(who, marker.state) or who.side not in STATES[marker.state].opens:
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


def is_own_number(marker: Marker, cell: Cell) -> bool:
    """The number of an agency's own system, where the API shows a referral: in the detail, a list,
    and what an act answers with it."""
    act = ACTS.get(cell.route.rpartition("/")[2])
    answered = cell.method == "POST" and act is not None and act.answer is Answer.REFERRAL
    of_fhir = cell.method == "GET" and cell.route.startswith(("fhir/Task", "fhir/ServiceRequest"))
    native = cell.route in ("v1/referrals", "v1/referrals/<uuid:referral_id>")
    shows = native or of_fhir or answered
    return marker.name == "set_external_ref.ref" and cell.route.startswith(routes.FACES) and shows


def reached(marker: Marker, who: Who) -> bool:
    """A member her own number; her agency's, its administrator; no system any (R10)."""
    administers = who.key == marker.side and who.has("agency_admin")
    return not who.client and (who.name == marker.side or administers)


def keeps_hooks(marker: Marker, who: Who) -> bool:
    """Its agency's administrator, and its systems (R10)."""
    of = {"from": "police", "to": "ywca"}.get(marker.side, marker.side)
    return who.key == of and (who.client or who.has("agency_admin"))


# kind      who may be shown it, in which answers. A kind without a line is shown to no one.
TABLE: dict[str, Callable[[Marker, Cell], bool]] = {
    "packet": lambda m, c: c.ends("open_packet") and opens(m, c.who),
    "own": lambda m, c: (
        ((c.ends("open_notes") or is_own_number(m, c)) and has_notes(m, c.who))
        or (c.ends("take_over") and is_own_number(m, c) and answers_for(m, c.who))
    ),
    "paper": lambda m, c: c.ends("releases") and answers_for(m, c.who),
    "notice": lambda m, c: shown(c.who, m.state),
    "referral": lambda m, c: shown(c.who, m.state) or (audits(c) and c.who.side != ""),
    "event": lambda m, c: (
        (c.ends("history", "events") and c.who.side == m.side and shown(c.who, m.state))
        or (c.ends("deliveries", "webhook_id>") and keeps_hooks(m, c.who))
    ),
    "handle": lambda m, c: audits(c) and c.who.side == m.side,
    "member": lambda m, c: c.who.key == m.side or reviews_from_outside(m, c),
    "channel": lambda m, c: reached(m, c.who),
    "webhook": lambda m, c: keeps_hooks(m, c.who) and "webhooks" in c.route,
    "address": lambda m, c: c.ends("address") and c.who.key == "ywca" and not c.who.client,
    # An entry of the directory is for everybody: a field that is none may be pointed at.
    "mistake": lambda m, c: m.name == "name" and c.method in ("PUT", "PATCH") and edits_entry(c),
    # What a person typed into a form is in the same form again, so that nothing is lost.
    "typed": lambda m, c: c.mistake == "form" and not c.route.startswith(routes.FACES),
}


def edits_entry(cell: Cell) -> bool:
    return cell.route.startswith("v1/directory/") and not cell.ends("address")


def audits(cell: Cell) -> bool:
    return cell.ends("access-log", "access-log/export", "AuditEvent") and cell.who.has("auditor")


def allowed(marker: Marker, cell: Cell) -> bool:
    rule = TABLE.get(marker.kind)
    if marker.kind == "referral" and marker.state == cell.state and "referral_id" in cell.route:
        return True  # the address itself
    return rule is not None and rule(marker, cell)


# Of the cells there are one in so many is drawn: a read (at the desk: of a page) or an act by those
# with a part in it, a question of a referral by anybody else, one of no referral likewise, one with
# a mistake. To these comes what is needed for each route in its states (`every_route`), and each of
# the cast in each state.
READ, PAGE, ACT, OTHERS, OF_NONE, MISTAKEN = 6, 53, 107, 323, 33, 700
LOOKS = 9  # at what is of no referral, by people of the two sides
FEW = 4  # in one state of so many each act is done and each form looked at
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
    states = list(STATES)
    kinds = MISTAKES if face == "v1" else PAGE_MISTAKES
    for row, (method, route) in enumerate(rows):
        if route.startswith(routes.FACES) != (face == "v1"):
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
        return LOOKS if method == "GET" and who.side else OF_NONE
    return reads if has_part(who) else OTHERS


FACES = ("v1", "pages")


def asked(*, everything: bool = False, part: int = 0, parts: int = 1) -> list[Cell]:
    """What is drawn, or a part of every cell there is; each route of a referral in each of its
    states at least once, rightly, and a page by each side; and each of the cast in each state."""
    drawn = [cell for face in FACES for cell in cells(face, everything)][part::parts]
    return [*drawn, *_missing({one for one in drawn if is_of_one(one)})]


def in_short(every: list[Cell]) -> list[Cell]:
    """Of these cells: each route, each of the cast, each state and each mistake, once of a referral
    that is shown to who asks and once of one that is not."""
    return each_once(
        every,
        axes=lambda one: ((one.method, one.route), one.who, one.state, one.mistake),
        outcome=lambda one: is_of_one(one) and shown(one.who, one.state),
    )


def _missing(drawn: set[Cell]) -> Iterator[Cell]:
    # A page that was drawn for a person without a part in it showed nothing: it is asked again.
    routes_done = {(one.method, one.route, one.state) for one in drawn if one.method != "GET"}
    alone = everybody() - {(one.state, one.who) for one in drawn}
    for number, (method, route, state) in enumerate(sorted(every_route() - routes_done)):
        others = [who for at, who in alone if at == state]
        others = [who for who in others if not who.client or route.startswith(routes.FACES)]
        one = min(others, key=repr, default=None) if method != "GET" else None
        parties = _parties(state, route, number)
        if method != "GET":
            parties = [one or parties[number % len(parties)]]
        for who in parties:
            if Cell(method, route, who, state) in drawn:
                continue
            alone.discard((state, who))
            yield Cell(method, route, who, state)
    for state, who in sorted(alone, key=repr):
        yield Cell("GET", route_table.R, who, state)


def _parties(state: str, route: str, number: int) -> list[Who]:
    """A person of each agency with a part in it, who is shown it where anyone is; each in turn.
    What one side wrote is no leak at that side."""
    parties = [who for one in cast() if has_part(who := Who(*one))]
    parties = [who for who in parties if not who.client or route.startswith(routes.FACES)]
    parties = [who for who in parties if shown(who, state)] or parties
    sides: dict[str, list[Who]] = {who.name.split(".")[0]: [] for who in parties}
    for who in parties:
        sides[who.name.split(".")[0]].append(who)
    return [side[number % len(side)] for side in sides.values()]


def is_of_one(cell: Cell) -> bool:
    return "referral_id" in cell.route and not cell.mistake


def every_route() -> set[tuple[str, str, str]]:
    """What shows a referral, in each state; each act and each form in some, and in each state some
    of them. tests/slow asks every one in each."""
    of_one = sorted(one for one in matrix.served() if "referral_id" in one[1])
    return {
        (method, route, state)
        for row, (method, route) in enumerate(of_one)
        for at, state in enumerate(STATES)
        if (row + at) % FEW == 0 or _shows_it(method, route) or _moves_it(route, state)
    }


def _shows_it(method: str, route: str) -> bool:
    api = method == "GET" and route.startswith(routes.FACES)
    return api or route == route_table.D or route.endswith(OPENS)


def _moves_it(route: str, state: str) -> bool:
    move = MOVES.get(route.rpartition("/")[2])
    return move is not None and state in (*(move.from_side or ()), *(move.to_side or ()))


def everybody() -> set[tuple[str, Who]]:
    return {(state, Who(*one)) for one in cast() for state in STATES}


MISTAKES = ("name", "value", "text", "inner", "headers", "acting", "query", "media", "bearer")
PAGE_MISTAKES = ("form", "form", "query", "headers")
