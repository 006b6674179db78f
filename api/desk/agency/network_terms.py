"""The network's terms: every member reads them, and the administrator signs for the agency."""

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.enrollment import terms


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the terms and who signed which version; sign them."""
    if request.method == "POST":
        terms.sign(visit.principal, request.POST.get("digest", ""))
        notes.success(request, gettext("Signed. Your agency can send and accept."))
        return redirect("desk_terms")
    context = {"terms": terms.current(), "signatures": terms.signatures(visit.agency.id)}
    return page(request, "desk/agency/terms.html", context)
