"""The inbox, in and out: what cannot wait first, then what needs an answer, with the time left,
then the rest."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.request_context import Visit, signed_in
from api.http import cursors
from referrals.deadlines.due_times import CALL_REQUEST_LASTS
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from referrals.queries.lists import Line

PER_PAGE = 25
PRESSING_AT_ONCE = 100
AWAITS_ANSWER = frozenset({"sent", "acknowledged"})
OPEN = AWAITS_ANSWER | {"accepted", "in_handoff"}


class Row(NamedTuple):
    line: Line
    state: labels.State
    due: labels.Due | None
    needs: list[str]
    rings: bool  # the other side asked for a call, less than a day ago

    @property
    def late(self) -> bool:
        return self.due is not None and self.due.late


@require_safe
@signed_in
def inbox(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The page after signing in: it leads each role to what it can do here."""
    if visit.reviews:
        return HttpResponseRedirect(reverse("desk_access_log"))
    if not visit.does_casework:
        return render(request, "desk/no_referrals.html", {})
    box = "out" if request.GET.get("box") == "out" else "in"
    cursor = request.GET.get("after")
    pressing, more_press = ([], False) if cursor else _pressing(visit, box)
    scope = f"desk:{box}"
    lines, place = lists.list_page(
        visit.principal,
        box=box,
        after=cursors.from_cursor(visit.principal, scope, cursor),
        limit=PER_PAGE,
    )
    shown_above = {row.line.id for row in pressing}
    context: dict[str, Any] = {
        "box": box,
        "now": [row for row in pressing if row.line.status not in AWAITS_ANSWER],
        "waiting": [row for row in pressing if row.line.status in AWAITS_ANSWER],
        "more_press": PRESSING_AT_ONCE if more_press else None,
        "rest": [_row(line, visit) for line in lines if line.id not in shown_above],
        "later": bool(cursor),
        "next": cursors.to_cursor(visit.principal, scope, place),
    }
    return render(request, "desk/inbox.html", context)


def _pressing(visit: Visit, box: str) -> tuple[list[Row], bool]:
    """Return referrals without an answer, with a requested call or with a late first contact,
    nearest deadline first, and whether there are more."""
    lines, more = lists.list_page(
        visit.principal,
        box=box,
        filters=Filters(pressing=True),
        limit=PRESSING_AT_ONCE,
        soonest=True,
    )
    return [_row(line, visit) for line in lines], more is not None


def _row(line: Line, visit: Visit) -> Row:
    asked = line.asked_to_ring_at
    return Row(
        line,
        labels.state(line.side, line.status),
        labels.due(line, visit.now),
        labels.labels("needs", line.needs),
        rings=asked is not None and line.status in OPEN and visit.now < asked + CALL_REQUEST_LASTS,
    )
