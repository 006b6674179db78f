"""The page behind the link of a mail: what the public sees of an entry, and whether it is right
(ADR 0133).

To open it changes nothing. A link that is none, used or over, and one to an entry that is not
public, are answered alike. What is typed is never shown again, as in
api/desk/directory/mistake_reports.py.
"""

from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory import service_page
from api.desk.directory.mistake_reports import SAID, ReportForm
from api.desk.request_context import METHODS, page
from api.http.problem_details import refused_page
from directory.editing import verification
from permissions.errors import NotVisible, Refused


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
        form = {"form": ReportForm(), "wrong": SAID.get(request.GET.get("said", ""))}
        context = service_page.context_of(found) | form
        return page(request, "desk/entry_check/check.html", context)


def _answered(request: HttpRequest, token: str) -> str:
    """Store the answer; return where to go on."""
    said = request.POST.get("answer", "")
    if said in ("right", "stop"):
        verification.answer(token, said)
    else:
        form = ReportForm(request.POST)
        if form.errors:
            hidden = form.has_error("words", "hidden")
            fault = "what" if "what" in form.errors else "hidden" if hidden else "words"
            return f"{reverse('entry_check', args=[token])}?{urlencode({'said': fault})}"
        given = form.cleaned_data
        verification.answer(token, "wrong", given["what"], given["words"])
        said = "wrong"
    return f"{reverse('entry_check_thanks')}?{urlencode({'said': said})}"


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Say that an answer was taken."""
    return page(request, "desk/entry_check/thanks.html", {"said": request.GET.get("said", "")})
