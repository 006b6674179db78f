"""The survivor's own page: they enter by the code of their slip and their word, see what they
permit and what was disclosed, share less, or end it.

No answer to a form is a page: a browser would keep it with the words that were typed (TH7). There
is no script of its own, and no word of what is sealed.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.confirmation import Choice, ask_first
from api.desk.forms import DeskForm, some_of
from api.desk.request_context import METHODS, as_uuid, page
from api.http.authentication import SESSION_KEY
from api.http.problem_details import refused_page
from permissions.errors import NotPermitted, NotPossible, NotVisible, Refused
from permissions.identity import credentials
from referrals import packet_fields
from referrals.slip import code_and_word, permission, visits
from referrals.slip.visits import Seen
from referrals.slip.visits import Visit as SlipVisit

P = ParamSpec("P")

_PAPER = {field.name: field.paper for field in packet_fields.FIELDS}

SAID = {
    "no": _(
        "That did not work. Check the code and the word. After a few tries the page waits for an"
        " hour. You can always tell either agency instead."
    ),
    "code": _("There is a typing mistake in the code. This try was not counted."),
    "over": _("Your ten minutes are over. Nothing else was changed. Enter again if you like."),
    "left": _("You left the page. Close this window too."),
    "ended": _("Done. Your permission has ended. From now on nothing more can be opened."),
    "less": _("Done. From now on they can open no more than what you see here."),
    "gone": _("This permission is not in force any more. Nothing was changed."),
}


def _survivors(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Refuse a device on which a member is signed in, and show any refusal as its page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            if _is_staff_device(request):
                refusal = NotPermitted("staff_device")
                return page(request, "desk/slip/staff_device.html", {}, refusal)
            return view(request, *args, **kwargs)
        except Refused as refusal:
            return refused_page(request, refusal)

    return guarded


def _is_staff_device(request: HttpRequest) -> bool:
    """Whether this browser has a member's live session, of any agency; it is logged as theirs. A
    browser without a session cookie is asked nothing."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    secret = request.session.get(SESSION_KEY)
    principal = credentials.resolve_credential(secret) if secret else None
    if principal is None and not request.user.is_authenticated:
        return False
    typed, referral_id = request.POST.get("code", ""), None
    if principal is not None and typed:
        referral_id = visits.referral_of(typed, principal.agency_id)
    visits.refuse_staff(principal, referral_id)
    return True


def _visiting(
    view: Callable[[HttpRequest, SlipVisit], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give the view its visit; without one, lead back to the entrance."""

    @wraps(view)
    @_survivors
    def guarded(request: HttpRequest) -> HttpResponse:
        kept = request.COOKIES.get(settings.SLIP_COOKIE_NAME, "")
        found = visits.resume(kept) if kept else None
        if found is None:
            return _leave("over" if kept else "")
        try:
            return view(request, found)
        except NotVisible:  # the agency ended the slip meanwhile
            return _leave("over")

    return guarded


@require_http_methods(METHODS)
@_survivors
def enter(request: HttpRequest) -> HttpResponse:
    """Ask for code and word."""
    if request.method != "POST":
        context = {"said": SAID.get(request.GET.get("said", "")), "longest": code_and_word.LONGEST}
        return page(request, "desk/slip/enter.html", context)
    typed = request.POST.get("code", "")
    if code_and_word.plain_code(typed) is None:  # anyone can compute it: it tells nothing
        return redirect(f"{reverse('slip')}?said=code")
    kept = visits.enter(typed, request.POST.get("word", ""))
    if kept is None:
        return redirect(f"{reverse('slip')}?said=no")
    answer = redirect("slip_open")
    answer.set_cookie(
        settings.SLIP_COOKIE_NAME,
        kept,
        max_age=visits.LASTS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return answer


@require_http_methods(METHODS)
@_visiting
def opened(request: HttpRequest, found: SlipVisit) -> HttpResponse:
    """Show what is permitted and what was disclosed. A post leaves the page."""
    if request.method == "POST":
        return _leave("left")
    seen = visits.see(found)
    with timezone.override(ZoneInfo(seen.giver.time_zone)):
        context: dict[str, Any] = {
            "shown": seen,
            "said": SAID.get(request.GET.get("said", "")),
            "fields": [_own_words(name) for name in seen.fields],
            "given": [
                (one, [_own_words(name) for name in one.fields if name in _PAPER])
                for one in seen.given
            ],
        }
        return page(request, "desk/slip/opened.html", context)


@require_http_methods(METHODS)
@_visiting
def end(request: HttpRequest, found: SlipVisit) -> HttpResponse:
    """Ask once whether the permission is to end; a post ends it."""
    if request.method == "POST":
        permission.end(found)
        return redirect(f"{reverse('slip_open')}?said=ended")
    choice = Choice(
        title=gettext("End it now?"),
        subject=gettext("From now on nothing more can be opened."),
        follows=[
            gettext("What they have read or written down already, they still know."),
            gettext(
                "The help goes on if you want it. The other agency is asked to call the worker who"
                " gave you the slip. Only you can permit it again."
            ),
        ],
        button=gettext("End my permission now"),
        keep=gettext("Back, change nothing"),
        back=reverse("slip_open"),
    )
    return ask_first(request, choice)


class LessForm(DeskForm):
    refused = {"safe_contact": "stop", "widening": "stop"}

    stop = some_of([], _("What should they not open any more?"))
    release = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, seen: Seen, *args: Any) -> None:
        super().__init__(*args, initial={"release": seen.release_id})
        self.fields["stop"].choices = [  # type: ignore[attr-defined]
            (name, _own_words(name)) for name in seen.fields
        ]


@require_http_methods(METHODS)
@_visiting
def less(request: HttpRequest, found: SlipVisit) -> HttpResponse:
    """Choose what the other agency may not open any more. All of it is the end."""
    seen = visits.see(found)
    if seen.release_id is None:
        return redirect(f"{reverse('slip_open')}?said=gone")
    form, refusal = LessForm(seen, request.POST or None), None
    if form.is_valid():
        left = set(seen.fields) - set(form.cleaned_data["stop"])
        if not left:
            return redirect("slip_end")
        try:
            permission.narrow(found, _release_of(form), left)
            return redirect(f"{reverse('slip_open')}?said=less")
        except NotPossible as error:
            if error.code == "no_release":
                return redirect(f"{reverse('slip_open')}?said=gone")
            form.add_error("stop", _why(error))
            refusal = error
    answer = page(request, "desk/slip/less.html", {"form": form}, refusal)
    if form.errors and refusal is None:
        answer.status_code = 400
    return answer


def _release_of(form: LessForm) -> UUID:
    found = as_uuid(str(form.cleaned_data["release"]))
    assert found is not None
    return found


def _why(refusal: NotPossible) -> str:
    if refusal.code == "safe_contact":
        return gettext(
            "They need to know how to contact you safely as long as they have a way to contact you."
            " Stop those ways too, or keep it."
        )
    return gettext("You can only take something away here.")


def _own_words(name: str) -> str:
    """The field as the survivor's own paper names it."""
    return gettext(_PAPER[name])


def _leave(said: str) -> HttpResponse:
    answer = redirect(f"{reverse('slip')}?said={said}" if said else reverse("slip"))
    answer.delete_cookie(settings.SLIP_COOKIE_NAME, samesite="Strict")
    return answer
