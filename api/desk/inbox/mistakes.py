"""What was marked as a mistake, as a page for a lead."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.desk.request_context import Visit, signed_in
from referrals.acts import entered_in_error


@require_safe
@signed_in
def to_review(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List for a lead what was marked as a mistake, by their agency or to it."""
    found = entered_in_error.list_mistakes(visit.principal)
    return render(request, "desk/mistakes.html", {"found": found, "now": visit.now})
