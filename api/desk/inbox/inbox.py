"""The inbox: what was received and what was sent, in one list by what there is to do. What is over
is on its own pages."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.awake import shown
from api.desk.awake.shown import Awake
from api.desk.request_context import Visit, live_page, page, signed_in
from api.desk.times import clock_words
from api.http import cursors
from permissions.database.db_identity import run_in_round_trip
from permissions.database.prepared_statements import RoundTrip, array_literal
from referrals.codes import URGENCY
from referrals.deadlines.due_times import CALL_REQUEST_LASTS
from referrals.on_call import overview
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from referrals.queries.lists import Line

PER_PAGE = 25
ACTIVE_AT_ONCE = 100
AWAITS_ANSWER = frozenset({"sent", "acknowledged"})
OPEN = AWAITS_ANSWER | {"accepted", "in_handoff"}
UNHELD = {"from": OPEN | {"draft"}, "to": OPEN - {"sent"}}  # where each side has had a holder
TABS = (("", _("All")), ("in", _("Received")), ("out", _("Sent")))
SIDES = {"in": "to", "out": "from"}
OLDER = {"closed": Filters(phase="over"), "all": Filters()}  # pages of their own, newest first


NAMES = (
    "SELECT id::text, name FROM permissions_membership"
    " WHERE agency_id = %(agency)s AND id = ANY (%(holders)s::uuid[])"
)


class Row(NamedTuple):
    line: Line
    state: labels.State
    due: labels.Due | None
    needs: str
    rings: bool  # the other side asked for a call, less than a day ago
    unheld: bool  # the member who held it left or may not know of it: someone has to take it over
    mine: bool
    holder: str
    awake: Awake | None  # an emergency that waits: who is awake for it

    @property
    def late(self) -> bool:
        return self.due is not None and self.due.late

    @property
    def answers(self) -> bool:
        """Whether the own agency has to answer it: it can be accepted or declined."""
        return self.line.side == "to" and self.line.status in AWAITS_ANSWER

    @property
    def calls(self) -> bool:
        """Whether the member is the one who is asked to call, and may say that they did."""
        return self.rings and self.mine and self.line.status != "sent"

    @property
    def group(self) -> str:
        """Return what there is to do: act now, wait, or go on."""
        if self.unheld or self.rings or self.late or self.answers:
            return "now"
        if self.line.status in ("cannot_take", "expired"):
            return "now"
        return "waiting" if self.line.status in AWAITS_ANSWER else "progress"


class Tab(NamedTuple):
    words: str
    url: str
    chosen: bool
    now: int  # how many to act on


class Group(NamedTuple):
    name: str
    words: str
    rows: list[Row]


class Asked(NamedTuple):
    """What the address asks for: which box, which filters, and which page of what is over."""

    box: str
    mine: bool
    urgency: str
    show: str
    after: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        given = request.GET
        return cls(
            given["box"] if given.get("box") in SIDES else "",
            given.get("mine") == "on",
            given["urgency"] if given.get("urgency") in URGENCY else "",
            given["show"] if given.get("show") in OLDER else "",
            given.get("after", ""),
        )

    def url(self, **changed: str) -> str:
        """Return the address of the inbox with these changes; the page starts again."""
        given = self._asdict() | {"mine": "on" if self.mine else "", "after": ""} | changed
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{reverse('desk')}?{query}" if query else reverse("desk")

    def narrowed(self, filters: Filters) -> Filters:
        return Filters(phase=filters.phase, mine=self.mine, urgency=self.urgency or None)


@require_safe
@signed_in
def inbox(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The page after signing in: it leads each role to what it can do here."""
    if visit.reviews:
        return HttpResponseRedirect(reverse("desk_access_log"))
    if not visit.does_casework:
        return render(request, "desk/no_referrals.html", {})
    asked = Asked.of(request)
    if asked.show:
        return page(request, "desk/inbox.html", _older(visit, asked) | _around(visit, asked))
    return live_page(request, "desk/inbox.html", _active(visit, asked) | _around(visit, asked))


def _around(visit: Visit, asked: Asked) -> dict[str, Any]:
    first, second = overview.names_on(visit.agency.id, visit.now)
    return {
        "on_call": {"first": first, "second": second},
        "asked": asked,
        "urgencies": labels.choices(URGENCY),
        "filtered": asked.mine or asked.urgency,
        "everything": asked.url(show="all"),
        "closed": asked.url(show="closed"),
        "back": asked.url(show=""),
    }


def _active(visit: Visit, asked: Asked) -> dict[str, Any]:
    """Return what is not over, in groups, and how many of each box there are to act on."""
    rows, cut = _soonest(visit, asked, None)
    now = {
        box: sum(row.group == "now" and row.line.side == side for row in rows)
        for box, side in SIDES.items()
    }
    now[""] = sum(now.values())
    if asked.box and cut:  # the rows of one box may all be behind those of the other
        rows, cut = _soonest(visit, asked, asked.box)
    shown = [row for row in rows if not asked.box or row.line.side == SIDES[asked.box]]
    groups = [
        Group("now", gettext("Act now"), _in_order(shown, "now", lambda row: not row.unheld)),
        Group("waiting", gettext("Waiting"), _in_order(shown, "waiting", lambda row: False)),
        Group("progress", gettext("In progress"), _in_order(shown, "progress", _not_mine)),
    ]
    return {
        "tabs": [
            Tab(str(words), asked.url(box=box), box == asked.box, now[box]) for box, words in TABS
        ],
        "groups": groups,
        "clock": clock_words() | _updates(),
        "to_do": now[""],
        "cut": ACTIVE_AT_ONCE if cut else None,
    }


def _soonest(visit: Visit, asked: Asked, box: str | None) -> tuple[list[Row], bool]:
    """Return what is not over, the nearest deadlines first, and whether there is more of it."""
    lines, more = lists.list_page(
        visit.principal,
        box=box,
        filters=asked.narrowed(Filters(phase="active")),
        limit=ACTIVE_AT_ONCE,
        soonest=True,
    )
    return _rows(visit, lines), more is not None


def _updates() -> dict[str, str]:
    """Return what the script says of how fresh the list is."""
    return {
        "updates": gettext("This list updates by itself."),
        "stale": gettext("This list could not be updated. Check your connection, then reload."),
    }


def _in_order(rows: Iterable[Row], group: str, last: Callable[[Row], bool]) -> list[Row]:
    """Return the rows of a group: what is not `last` first, then the nearest deadline, then what
    has none, the newest first."""

    def order(row: Row) -> tuple[bool, bool, float]:
        at = row.due.at.timestamp() if row.due else -row.line.created_at.timestamp()
        return last(row), row.due is None, at

    return sorted((row for row in rows if row.group == group), key=order)


def _not_mine(row: Row) -> bool:
    return not row.mine


def _older(visit: Visit, asked: Asked) -> dict[str, Any]:
    """Return a page of what is over, or of everything, newest first."""
    scope = f"desk:{asked.show}:{asked.box}:{asked.mine}:{asked.urgency}"
    lines, place = lists.list_page(
        visit.principal,
        box=asked.box or None,
        filters=asked.narrowed(OLDER[asked.show]),
        after=cursors.from_cursor(visit.principal, scope, asked.after),
        limit=PER_PAGE,
    )
    after = cursors.to_cursor(visit.principal, scope, place)
    words = gettext("Closed") if asked.show == "closed" else gettext("All referrals, newest first")
    return {
        "tabs": [Tab(str(words), asked.url(box=box), box == asked.box, 0) for box, words in TABS],
        "groups": [Group("older", words, _rows(visit, lines))],
        "older": asked.url(after=after) if after else "",
        "newest": asked.url() if asked.after else "",
    }


def _rows(visit: Visit, lines: list[Line]) -> list[Row]:
    """Return the lines with their words. The names of the holders are one query, and who is awake
    for the emergencies that wait is another."""
    holders = sorted({line.holder_id for line in lines if line.holder_id})
    values = {"agency": visit.agency.id, "holders": array_literal(holders)}
    found = run_in_round_trip(visit.principal, RoundTrip(NAMES, values)) if holders else []
    names = dict(found)
    waiting = [
        line.id
        for line in lines
        if shown.waits(visit, line.side, line.status, line.urgency, line.ack_by)
    ]
    awake = shown.of_all(visit, waiting, {})
    return [_row(line, visit, names, awake.get(line.id)) for line in lines]


def _row(line: Line, visit: Visit, names: dict[str, str], awake: Awake | None) -> Row:
    asked = line.asked_to_ring_at
    mine = line.holder_id == str(visit.principal.member_id)
    return Row(
        line,
        labels.state(line.side, line.status),
        labels.due(line, visit.now),
        ", ".join(labels.labels("needs", line.needs)),
        rings=asked is not None and line.status in OPEN and visit.now < asked + CALL_REQUEST_LASTS,
        unheld=line.holder_id is None and line.status in UNHELD[line.side],
        mine=mine,
        holder=gettext("Yours") if mine else names.get(line.holder_id or "", ""),
        awake=awake,
    )
