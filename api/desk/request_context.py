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
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from api.accounts.exercise_session import LIVE_KEY, go_live
from api.desk import unfinished_forms
from api.desk.times import clock_words
from api.http.authentication import SESSION_KEY
from api.http.middleware import CSP_SCRIPT
from api.http.problem_details import refused_page, status_of
from directory.trainings.trainings import KEEPERS
from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.enrollment import terms
from permissions.enrollment.terms_file import Terms
from permissions.errors import (
    BadRequest,
    NotAuthenticated,
    NotPermitted,
    NotVisible,
    Refused,
    Unavailable,
)
from permissions.identity import credentials
from permissions.models import CASEWORK, Agency, Membership
from permissions.practice import exercises
from permissions.principal import Principal
from referrals.act_registry.registry import ACTS

SEVERAL_KEY = "several_agencies"  # in the session: the member may choose another agency

PAGED = frozenset(name for name, act in ACTS.items() if act.page is not None)
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
    unsigned_terms: Terms | None = None  # the network's, in force or announced
    exercise_ends_at: datetime | None = None  # of the exercise that the member is in

    @property
    def practices(self) -> bool:
        """Whether the member is in an exercise: all that the page shows is practice."""
        return self.principal.practices

    @property
    def is_held_up(self) -> bool:
        """Whether nothing can be sent or accepted until the agency signs."""
        return self.unsigned_terms is not None and self.now >= self.unsigned_terms.in_force_from

    @property
    def does_casework(self) -> bool:
        """Whether to show the entrances for casework. The domain decides what the member may do."""
        return self.principal.has_role(*CASEWORK)

    @property
    def edits_entries(self) -> bool:
        return self.principal.has_role("directory_editor")

    @property
    def administers(self) -> bool:
        return self.principal.has_role("agency_admin")

    @property
    def reads_changes(self) -> bool:
        """Whether to show what was changed of the agency, by whom."""
        return self.principal.has_role("lead", "agency_admin")

    @property
    def reviews(self) -> bool:
        return self.principal.has_role("auditor")

    @property
    def coordinates(self) -> bool:
        return self.principal.has_role("coordinator")

    @property
    def counts_rights(self) -> bool:
        return self.principal.has_role("lead", "coordinator")

    @property
    def reads_figures(self) -> bool:
        return self.principal.has_role("lead")

    @property
    def keeps_trainings(self) -> bool:
        return self.principal.has_role(*KEEPERS)

    @property
    def oversees(self) -> bool:
        return self.reviews and self.agency.kind == "oversight"


def current_visit(request: HttpRequest) -> Visit | None:
    """Return the visit of a live session, or None for any other caller. Makes three queries; a
    fourth if the network has terms, and two more in an exercise. Raises ExerciseOver; then the
    session is live again."""
    secret, live = request.session.get(SESSION_KEY), request.session.get(LIVE_KEY)
    if not secret:
        return None
    principal = credentials.resolve_credential(secret)
    if live and (principal is None or credentials.resolve_credential(live) is None):
        go_live(request)  # who may not work may not practice either
        raise ExerciseOver
    if principal is None:
        writer.log_refusal(None, "session.resume", NotAuthenticated.code)
        return None
    with identified_transaction(principal) as now:
        member = Membership.objects.select_related("agency").get(id=principal.staff_id)
        unsigned = terms.current() if terms.is_due(member.agency_id) else None
        ends_at = exercises.ends_at(principal) if principal.practices else None
    several = bool(request.session.get(SEVERAL_KEY)) and not principal.practices
    return Visit(principal, member.agency, member.name, now, several, unsigned, ends_at)


class ExerciseOver(Exception):
    """The exercise that the session was in has ended, or the member's right to work has."""


def signed_in(
    view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Give the view its Visit. A caller without a live session is led to sign in, and back to this
    page.

    A refusal that the view does not show itself becomes the page of its kind.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            visit = current_visit(request)
            if visit is None:
                return to_sign_in(request)
            request.visit = visit  # type: ignore[attr-defined]
            if visit.practices and not _is_practiced(request):
                raise NotPermitted("not_in_practice", "Leave practice to use this page.")
            with timezone.override(ZoneInfo(visit.agency.time_zone)):
                return view(request, visit, *args, **kwargs)
        except ExerciseOver:  # what was asked for in practice is not done live
            words = gettext("The exercise has ended. From here on everything is real.")
            messages.warning(request, words)
            return HttpResponseRedirect(reverse("desk"))
        except Refused as refusal:
            return refused_page(request, _in_the_log(request, refusal))

    return guarded


# Pages of an exercise besides the acts on a referral and those of the exercise itself.
_PRACTICED = frozenset(
    (
        *("desk", "desk_shift_change", "desk_directory", "desk_directory_found", "desk_service"),
        *("desk_hand_list", "desk_hand_list_shown", "desk_hand_list_sheet"),
        *("desk_new_referral", "desk_said_no", "desk_referral", "desk_sent", "desk_history"),
        *("desk_releases", "desk_release_paper", "desk_returned", "desk_open_handoff"),
        *("desk_practice", "desk_practice_leave", "desk_practice_end", "desk_awake"),
    )
)


def _is_practiced(request: HttpRequest) -> bool:
    """Whether this page is one of an exercise: on a referral, or on the way to one."""
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    return name in _PRACTICED or name.removeprefix("desk_") in PAGED


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
    ask = came_from(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('desk_agency')}?{urlencode(ask)}")
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        ask["why"] = "ended"  # the browser sent the cookie of a session that is gone
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(ask)}")


def came_from(request: HttpRequest) -> dict[str, str]:
    """Return what leads back to this page once the member has proven who they are. What was typed
    is kept, or said to be lost."""
    ask = {"next": _this_page(request)}
    if request.method == "POST":
        ask["unsaved"] = "kept" if _keep_typed(request) else "1"
    return ask


def _keep_typed(request: HttpRequest) -> bool:
    """Keep what was typed for the member whose page it was; return whether it is kept. They see it
    after they have signed in, and send it themselves: what it asked for is not done."""
    member_id = unfinished_forms.typed_by(request)
    if member_id is None:
        return False
    place = unfinished_forms.place_of(request)
    return unfinished_forms.keep(request, member_id, place, refused=False)


def _this_page(request: HttpRequest) -> str:
    """Return this page's path and, from its parameters, only which service and which earlier
    referral (ids, as in the links to it): nothing that was typed gets into an address."""
    data = request.POST if request.method == "POST" else request.GET
    ids = {name: id_ for name in ("service", "replaces") if (id_ := as_uuid(data.get(name)))}
    said_no = request.path == reverse("desk_said_no")  # a button of that page
    path = reverse("desk_new_referral") if said_no else request.path
    return f"{path}?{urlencode(ids)}" if ids else path


def as_uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def require_uuid(text: str | None) -> UUID:
    """The id in a form or an address. Raises NotVisible for text that is none: a random id is
    answered the same."""
    id_ = as_uuid(text)
    if id_ is None:
        raise NotVisible
    return id_


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    """Render the template. With a refusal shown in it, the answer has that refusal's status."""
    status = status_of(refusal)[0] if refusal else 200
    return render(request, template, context or {}, status=status)


def live_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    refusal: Refused | None = None,
) -> HttpResponse:
    """Render the template with the desk's script, which makes its times move. No page that shows
    what was opened has a script that may ask the network for anything."""
    answer = page(request, template, {"clock": clock_words()} | context, refusal)
    answer["Content-Security-Policy"] = CSP_SCRIPT
    return answer
