"""The page behind the link of a mail: what the public sees of an entry, and whether it is right
(ADR 0133).

To open it changes nothing. A link that is none, used or over, and one to an entry that is not
public, are answered alike. What is typed is never shown again, as in
api/desk/directory/mistake_reports.py, whose list ends with the entries that no one verified.
"""

from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory import service_page
from api.desk.directory.mistake_reports import SAID, ReportForm
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http.problem_details import refused_page
from directory.editing import verification
from directory.search import retrieval
from permissions.errors import NotVisible, Refused, StaleMatch


@require_http_methods(METHODS)
def check(request: HttpRequest, token: str) -> HttpResponse:
    """Show the public entry and ask; take the answer, and then lead to an address without the
    link."""
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        try:
            if request.method == "POST":
                return redirect(_answered(request, token))
            found = service_page.find(None, verification.service_of(token))
            if found is None:
                raise NotVisible
        except Refused as refusal:
            return refused_page(request, refusal)
        said = request.GET.get("said", "")
        context = service_page.context_of(found) | {
            "form": ReportForm(),
            "fault": SAID.get(said),
            "again": said == "changed",
            "etag": retrieval.etag(found.listing.document),
        }
        return page(request, "desk/entry_check/check.html", context)


def _answered(request: HttpRequest, token: str) -> str:
    """Store the answer; return where to go on."""
    said = request.POST.get("answer", "")
    if said in ("right", "stop"):
        try:
            verification.answer(token, said, etag=request.POST.get("etag", ""))
        except StaleMatch:
            return _again(token, "changed")
    else:
        form = ReportForm(request.POST)
        if form.errors:
            hidden = form.has_error("words", "hidden")
            return _again(
                token, "what" if "what" in form.errors else "hidden" if hidden else "words"
            )
        given = form.cleaned_data
        said = "wrong"
        verification.answer(token, said, given["what"], given["words"])
    return f"{reverse('entry_check_thanks')}?{urlencode({'said': said})}"


def _again(token: str, said: str) -> str:
    return f"{reverse('entry_check', args=[token])}?{urlencode({'said': said})}"


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Say that an answer was taken."""
    return page(request, "desk/entry_check/thanks.html", {"said": request.GET.get("said", "")})


@require_http_methods(METHODS)
@signed_in
def off_the_list(request: HttpRequest, visit: Visit, check_id: UUID) -> HttpResponse:
    """Take one that is not verified off the list; GET leads to it."""
    if request.method == "POST":
        verification.end(visit.principal, check_id)
        messages.success(request, gettext("Done. It is off the list."))
    return redirect("desk_entry_mistakes")
