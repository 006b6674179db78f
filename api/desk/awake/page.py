"""The emergencies that wait, and the one button for who was woken by one: "I'm awake, opening it".
A tap on a notification leads here, and does the same from a device that is unlocked."""

from typing import Any, NamedTuple

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.awake import shown
from api.desk.awake.shown import Awake
from api.desk.request_context import METHODS, Visit, page, signed_in
from referrals.claims import claims
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from referrals.queries.lists import Line

WAITING = Filters(status="sent", urgency="emergency")
MOST = 25
BY_PUSH = "push"


class Row(NamedTuple):
    line: Line
    due: labels.Due | None
    awake: Awake


@require_http_methods(METHODS)
@signed_in
def awake(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the emergencies that wait; take the word of a member who is awake, and lead them to the
    referral. What a notification sends needs no page behind it."""
    if request.method == "POST":
        by_push = request.POST.get("how") == BY_PUSH
        referral_id = claims.claim(
            visit.principal, request.POST.get("reference", ""), by_push=by_push
        )
        notes.success(
            request, gettext("For five minutes no one else is called. Acknowledge it now.")
        )
        return redirect("desk_referral", referral_id)
    context: dict[str, Any] = {"rows": _rows(visit)}
    return page(request, "desk/awake.html", context)


def _rows(visit: Visit) -> list[Row]:
    lines, _ = lists.list_page(visit.principal, box="in", filters=WAITING, limit=MOST)
    waiting = [
        line
        for line in lines
        if shown.waits(visit, line.side, line.status, line.urgency, line.ack_by)
    ]
    said = shown.of_all(visit, [line.id for line in waiting], {})
    return [Row(line, labels.due(line, visit.now), said[line.id]) for line in waiting]
