"""Who uses the desk: from the session to a Principal, with their agency, its clock and time
zone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from api.http.authentication import SESSION_KEY
from api.http.problem_details import refused_page, status_of
from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotAuthenticated, Refused, Unavailable
from permissions.identity import credentials
from permissions.models import Agency, Membership
from permissions.principal import Principal

SEVERAL_KEY = "several_agencies"  # in the session: the member may choose another agency

METHODS = ["GET", "HEAD", "POST"]  # for a page that asks and acts

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a member who is signed in. `now` is the database's clock."""

    principal: Principal
    agency: Agency
    name: str
    now: datetime
    several_agencies: bool

    @property
    def does_casework(self) -> bool:
        """Whether to show the entrances for casework. The domain decides what the member may do."""
        return self.principal.has_role("worker", "lead")

    @property
    def edits_entries(self) -> bool:
        return self.principal.has_role("directory_editor")

    @property
    def administers(self) -> bool:
        return self.principal.has_role("agency_admin")

    @property
    def reviews(self) -> bool:
        return self.principal.has_role("auditor")

    @property
    def oversees(self) -> bool:
        return self.reviews and self.agency.kind == "oversight"


def current_visit(request: HttpRequest) -> Visit | None:
    """Return the visit of a live session, or None for any other caller. Makes four queries."""
    secret = request.session.get(SESSION_KEY)
    if not secret:
        return None
    principal = credentials.resolve_credential(secret)
    if principal is None:
        writer.log_refusal(None, "session.resume", NotAuthenticated.code)
        return None
    with identified_transaction(principal) as now:
        agency = Agency.objects.get(id=principal.agency_id)
        name = Membership.objects.values_list("name", flat=True).get(id=principal.member_id)
    return Visit(principal, agency, name, now, bool(request.session.get(SEVERAL_KEY)))


def signed_in(
    view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give the view its Visit. A caller without a live session is led to sign in, and back to this
    page.

    A refusal that the view does not show itself becomes the page of its kind.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            visit = current_visit(request)
            if visit is None:
                return to_sign_in(request)
            request.visit = visit  # type: ignore[attr-defined]
            with timezone.override(ZoneInfo(visit.agency.time_zone)):
                return view(request, visit, *args, **kwargs)
        except Refused as refusal:
            return refused_page(request, _in_the_log(request, refusal))

    return guarded


def _in_the_log(request: HttpRequest, refusal: Refused) -> Refused:
    """Write an entry for a refusal that no act has logged (a page that the member may not open). If
    the log cannot be written, that failure is the answer."""
    visit = getattr(request, "visit", None)
    if visit is None or refusal.logged or isinstance(refusal, BadRequest | Unavailable):
        return refusal
    try:
        writer.log_refusal(visit.principal, "desk.open", refusal.code)
    except Unavailable as failed:
        return failed
    return refusal


def to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect to the sign-in page, or to the choice of agency. Both lead back to this page."""
    ask = {"next": _this_page(request)}
    if request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('desk_agency')}?{urlencode(ask)}")
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        ask["why"] = "idle"  # the browser sent the cookie of a session that is gone
    if request.method == "POST":
        ask["unsaved"] = "1"
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(ask)}")


def _this_page(request: HttpRequest) -> str:
    """Return this page's path and, from its parameters, only which service and which earlier
    referral (ids, as in the links to it): nothing that was typed gets into an address."""
    given = request.POST if request.method == "POST" else request.GET
    kept = {name: one for name in ("service", "replaces") if (one := as_uuid(given.get(name)))}
    said_no = request.path == reverse("desk_said_no")  # a button of that page
    path = reverse("desk_new_referral") if said_no else request.path
    return f"{path}?{urlencode(kept)}" if kept else path


def as_uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    """Render the template. With a refusal shown in it, the answer has that refusal's status."""
    status = status_of(refusal)[0] if refusal else 200
    return render(request, template, context or {}, status=status)
