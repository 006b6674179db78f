"""The pause of one of the agency's own entries: asked for with its end, and ended."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.directory import entry_summary
from api.desk.directory.own_entries import Document, Entry, change_entry, find_entry
from api.desk.forms import DeskForm, moment, one_of
from api.desk.request_context import METHODS, Visit, page, signed_in


@require_http_methods(METHODS)
@signed_in
def pause(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """Ask until when, then pause the service, so that it takes no one; or end the pause."""
    if request.POST.get("paused") == "no":
        said = gettext("Accepting clients again.")
        return change_entry(request, visit, service_id, {"intake_paused": False}, said)
    entry = find_entry(visit, service_id)
    form = PauseForm(request.POST if request.method == "POST" else None, entry=entry, visit=visit)
    if form.is_valid():
        until = form.until()
        change: Document = {"intake_paused": True, "intake_paused_until": until}
        said = gettext("Paused. No one can send it a referral.")
        return change_entry(request, visit, service_id, change, said)
    back = "list" if "list" in (request.GET.get("from"), request.POST.get("from")) else "entry"
    context = {"form": form, "entry": entry, "listing": entry.listing, "from": back}
    return page(request, "desk/entry_pause.html", context)


class PauseForm(DeskForm):
    """Until when a service is paused."""

    ends = one_of(
        [("at", _("Until a date and time")), ("by_hand", _("Until I open it again"))],
        _("Pause until when?"),
    )
    at = moment("", required=False)

    def __init__(self, *args: Any, entry: Entry, visit: Visit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = visit.now
        zone = timezone.get_current_timezone_name()
        words = gettext("It opens again by itself at this time, in {zone}")
        self.fields["at"].label = words.format(zone=zone)
        if entry.paused:
            until = entry_summary.paused_until(entry.document)
            self.initial = {"ends": "at" if until else "by_hand", "at": until}

    def clean(self) -> Document:
        given: Document = self.cleaned_data
        if given.get("ends") == "at" and "at" not in self.errors:
            if not given.get("at"):
                self.add_error("at", _("Enter the day and the time."))
            elif given["at"] <= self.now:
                self.add_error("at", _("This is in the past."))
        return given

    def until(self) -> str | None:
        """Return the end of the pause as documents have it. Only for a valid form."""
        given = self.cleaned_data
        return given["at"].isoformat() if given["ends"] == "at" else None
