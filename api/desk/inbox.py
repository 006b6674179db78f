"""The inbox: what needs an answer first, with the time left, then the rest; in and out."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from api import cursors
from api.desk import words
from api.desk.visit import Visit, signed_in
from referrals import reading
from referrals.filters import Filters
from referrals.reading import Line

PER_PAGE = 25
WAITING_AT_ONCE = 100


class Row(NamedTuple):
    line: Line
    state: words.State
    due: words.Due | None
    needs: list[str]


@require_safe
@signed_in
def inbox(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Where signing in leads: each role to what it can do here."""
    if visit.reviews:
        return HttpResponseRedirect(reverse("desk_access_log"))
    if not visit.does_casework:
        return render(request, "desk/no_referrals.html", {})
    box = "out" if request.GET.get("box") == "out" else "in"
    cursor = request.GET.get("after")
    waiting = [] if cursor else _waiting(visit, box)
    scope = f"desk:{box}"
    lines, place = reading.list_page(
        visit.principal,
        box=box,
        after=cursors.from_cursor(visit.principal, scope, cursor),
        limit=PER_PAGE,
    )
    shown_above = {row.line.id for row in waiting}
    context: dict[str, Any] = {
        "box": box,
        "waiting": waiting,
        "rest": [_row(line, visit) for line in lines if line.id not in shown_above],
        "later": bool(cursor),
        "next": cursors.to_cursor(visit.principal, scope, place),
    }
    return render(request, "desk/inbox.html", context)


def _waiting(visit: Visit, box: str) -> list[Row]:
    """Those without an answer, the nearest deadline first."""
    lines, _place = reading.list_page(
        visit.principal, box=box, filters=Filters(needs_answer=True), limit=WAITING_AT_ONCE
    )
    rows = [_row(line, visit) for line in lines]
    return sorted(rows, key=lambda row: row.due.at if row.due else visit.now)


def _row(line: Line, visit: Visit) -> Row:
    return Row(
        line,
        words.state(line.side, line.status),
        words.due(line, visit.now),
        words.labels("needs", line.needs),
    )
