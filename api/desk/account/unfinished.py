"""Where a page's script keeps what is typed (static/desk/unfinished.js), and where it is begun
again."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from api.accounts import idle_lock
from api.desk import unfinished_forms
from api.desk.account.sign_in import safe_next
from api.desk.request_context import current_visit
from api.http.problem_details import refused_page
from permissions.errors import Refused


@require_POST
def unfinished(request: HttpRequest) -> HttpResponse:
    """Keep what is typed at the address `for`, for the member whose page it is: 204. 401: it is
    kept, but the desk is locked or they are signed out. 409: it is not kept, because the survivor
    was not asked yet or it is too long. 400: it is no form of this member's. With `forget` it is
    dropped, and the answer leads back to the form. Not an act: it leaves no entry in the log."""
    place = request.POST.get("for", "")
    try:
        visit = None if idle_lock.is_locked(request) else current_visit(request)
    except Refused as refusal:
        return refused_page(request, refusal)
    if "forget" in request.POST:
        if visit is not None:  # else the form's own address asks to sign in, and shows it again
            unfinished_forms.forget(request, visit, place)
        return redirect(safe_next(place))
    owner = unfinished_forms.typed_by(request)
    if owner is None or (visit and visit.principal.staff_id != owner):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    kept = unfinished_forms.keep(request, owner, place, refused=False)
    if not kept:
        return HttpResponse(status=HTTPStatus.CONFLICT)
    return HttpResponse(status=HTTPStatus.NO_CONTENT if visit else HTTPStatus.UNAUTHORIZED)
