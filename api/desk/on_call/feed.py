"""A member's calendar reads the rota at a secret address (iCalendar), without signing in."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from api.http.problem_details import refused_page
from permissions.errors import Refused
from referrals.on_call import calendar_files, feeds


@require_safe
def calendar(request: HttpRequest, secret: str) -> HttpResponse:
    """Return the calendar. Whatever opens nothing is one answer."""
    try:
        found = feeds.read(secret)
    except Refused as refusal:
        return refused_page(request, refusal)
    title = gettext("On call: {agency}").format(agency=found.agency_name)
    content = calendar_files.written(title, found.agency_id, found.spans, found.names)
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="on-call.ics"'
    return answer
