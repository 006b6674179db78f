"""What an auditor sees of the log in addition to its rows, and who else may read it: counts by
month, the seals with a check of them, and the opt-ins, which the agency's administrator gives."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.forms import DeskForm, one_of
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import localtime
from api.http.endpoints import month_parameter
from permissions.audit import oversight, statistics
from permissions.errors import Refused
from permissions.ledger import status
from permissions.models import Agency


@require_safe
@signed_in
def counts(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Count the entries of each kind in a month, in the time zone of the auditor's agency, in which
    the entries are shown too. An oversight auditor gets the counts of every agency."""
    months = _months(localtime(visit.now))
    month = request.GET.get("month") or months[0]
    months += [month] if month not in months else []
    zone = timezone.get_current_timezone()
    since, until = (one.replace(tzinfo=zone) for one in month_parameter(month))
    found = statistics.counts(visit.principal, since, until)
    names: dict[UUID | None, str] = dict(Agency.objects.values_list("id", "name"))
    by_agency: dict[str, list[tuple[statistics.Count, str]]] = {}
    for one in found:
        name = names.get(one.agency_id) or gettext("Unknown")
        by_agency.setdefault(name, []).append((one, _shown(one, visit.agency.id)))
    context = {
        "months": [(one, month_parameter(one)[0].date()) for one in months],
        "month": month,
        "since": since,
        "zone": zone,
        "agencies": by_agency,
    }
    return page(request, "desk/log_counts.html", context)


def _shown(count: statistics.Count, mine: UUID) -> str:
    """Return the number as text; another agency's as the span that it is in."""
    if count.agency_id in (mine, None):
        return str(count.entries)
    if not count.entries:
        return gettext("fewer than {number}").format(number=statistics.SPAN)
    return f"{count.entries}–{count.entries + statistics.SPAN - 1}"


def _months(now: datetime) -> list[str]:
    """Return this month and those before, for as long as the log is kept, as `2026-11`."""
    at = now.year * 12 + now.month - 1
    first = at - 12 * settings.LOG_KEPT_YEARS
    return [f"{one // 12}-{one % 12 + 1:02}" for one in range(at, first - 1, -1)]


class CheckForm(DeskForm):
    """The checkpoint before which to continue; without one the newest are checked."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)


@require_http_methods(METHODS)
@signed_in
def seals(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the state of the seals. A button checks the newest batches, or those before."""
    context: dict[str, Any] = {}
    if request.method == "POST":
        form = CheckForm(request.POST)
        before = form.cleaned_data["before"] if form.is_valid() else None
        context["checked"] = status.check_batches(visit.principal, before)
    found = status.ledger_status(visit.principal)
    newest = found.newest
    context |= {
        "status": found,
        "newest_at": datetime.fromisoformat(newest["time"]) if newest else None,
        "gaps": [one | {"at": datetime.fromisoformat(one["time"])} for one in found.gaps],
    }
    return page(request, "desk/log_seals.html", context)


class OptInForm(DeskForm):
    refused: ClassVar[dict[str, str]] = {"opt_in_stands": "to_agency_id"}

    to_agency_id = one_of([], _("Share with"))
    days = one_of(
        [("1", _("One day")), ("7", _("Seven days")), ("30", _("30 days")), ("90", _("90 days"))],
        _("For how long"),
        help_text=_("It ends by itself. You can stop sharing at any time."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["to_agency_id"]
        field.choices = [(str(one.id), one.name) for one in oversight.oversight_agencies()]


@require_http_methods(METHODS)
@signed_in
def readers(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show who else may read the agency's entries. Its administrator gives and withdraws
    opt-ins."""
    refusal, posted = None, request.method == "POST"
    form = OptInForm(request.POST if posted and request.POST.get("do") != "end" else None)
    try:
        if posted and request.POST.get("do") == "end":
            oversight.withdraw_opt_in(visit.principal, _uuid(request.POST.get("opt_in")))
            messages.success(request, _("Sharing has stopped."))
            return redirect("desk_log_readers")
        if form.is_valid():
            days = timedelta(days=int(form.cleaned_data["days"]))
            until = visit.now.astimezone(UTC) + days
            oversight.grant_opt_in(visit.principal, UUID(form.cleaned_data["to_agency_id"]), until)
            messages.success(request, _("They can read our entries until the end you chose."))
            return redirect("desk_log_readers")
    except Refused as error:
        if request.POST.get("do") == "end" or not visit.administers:
            raise
        refusal = error
        form.refuse(error)
    context = {"form": form, "given": oversight.list_opt_ins(visit.principal)}
    return page(request, "desk/log_readers.html", context, refusal)


def _uuid(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        return UUID(int=0)
