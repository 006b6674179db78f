"""Who is on call: the agency's rota, its changes, swaps, and a member's own calendar."""

from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.confirmation import Choice, ask_first
from api.desk.forms import DeskForm
from api.desk.on_call.forms import KINDS, FileForm, RotationForm, ShiftForm, SwapForm
from api.desk.request_context import METHODS, Visit, page, require_uuid, signed_in
from api.desk.times import clock_time
from api.texts import StrOrPromise
from permissions.errors import BadRequest, NotPermitted, NotVisible, Refused
from referrals.models import Shift
from referrals.notifications.line_tests import cover, figures, silence
from referrals.on_call import calendar_files, changes, feeds, overview

KIND_WORDS = dict(KINDS)
MISSING = _("Something is missing from this form. Reload the page.")


def _edits(visit: Visit) -> bool:
    return visit.principal.has_role(*changes.EDITORS)


def _require_editor(visit: Visit) -> None:
    if not _edits(visit):
        raise NotPermitted("role_missing", "Your role in this agency does not include this.")


def _agree(visit: Visit, swap_id: UUID) -> StrOrPromise:
    changes.answer_swap(visit.principal, swap_id, agree=True)
    return _("You take this shift.")


def _decline(visit: Visit, swap_id: UUID) -> StrOrPromise:
    changes.answer_swap(visit.principal, swap_id, agree=False)
    return _("Declined. The shift stays where it is.")


def _take_back(visit: Visit, swap_id: UUID) -> StrOrPromise:
    changes.take_back_swap(visit.principal, swap_id)
    return _("Taken back.")


ANSWERS: dict[str, Callable[[Visit, UUID], StrOrPromise]] = {
    "agree": _agree,
    "decline": _decline,
    "take_back": _take_back,
}


@require_http_methods(METHODS)
@signed_in
def rota(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show who is on, now and for four weeks. Its buttons answer a swap, and make or end the
    calendar's address."""
    secret = ""
    if request.method == "POST":
        what = request.POST.get("what", "")
        if what == "make_feed":
            secret = feeds.make(visit.principal)
        elif what == "end_feed":
            feeds.end(visit.principal)
            notes.success(request, gettext("The address has ended. It shows nothing from now on."))
            return redirect("desk_on_call")
        elif what in ANSWERS:
            notes.success(
                request, str(ANSWERS[what](visit, require_uuid(request.POST.get("which"))))
            )
            return redirect("desk_on_call")
        else:
            raise BadRequest("unknown_code", str(MISSING))
    shown = overview.read(visit.principal)
    context = {
        "shown": shown,
        "first": shown.names.get(shown.on.first) if shown.on.first else "",
        "second": shown.names.get(shown.on.second) if shown.on.second else "",
        "spans": [
            (one, shown.names.get(one.on.first or UUID(int=0), ""),
             shown.names.get(one.on.second or UUID(int=0), ""))
            for one in shown.spans
        ],
        "edits": _edits(visit),
        "kinds": KIND_WORDS,
        **_lines(visit),
        "feed": settings.BASE_URL + reverse("on_call_feed", args=[secret]) if secret else "",
        "now": visit.now,
    }  # fmt: skip
    return page(request, "desk/on_call/rota.html", context)


def _lines(visit: Visit) -> dict[str, Any]:
    """What leads and administrators are shown of their agency's lines."""
    if not _edits(visit):
        return {}
    return {
        "silent": silence.of_agency(visit.agency.id),
        "months": cover.of_agency(visit.agency.id),
    }


@require_http_methods(METHODS)
@signed_in
def rotation(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Set who answers in turn, or end the rotation."""
    _require_editor(visit)
    if request.POST.get("what") == "end":
        changes.end_rotation(visit.principal)
        notes.success(request, gettext("The rotation has ended. Shifts that were entered stay."))
        return redirect("desk_on_call")
    shown = overview.read(visit.principal)
    form = RotationForm(request.POST or None, shown=shown, now=visit.now)

    def act(form: RotationForm) -> StrOrPromise:
        changes.set_rotation(visit.principal, **form.values())
        return _("Saved.")

    context = {"form": form, "kept": shown.rota.rotation}
    return _asked(request, form, act, "desk/on_call/rotation.html", context)


@require_http_methods(METHODS)
@signed_in
def add_shift(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Enter who answers, or is away, between two moments."""
    _require_editor(visit)
    form = ShiftForm(request.POST or None, names=overview.read(visit.principal).names)

    def act(form: ShiftForm) -> StrOrPromise:
        given = form.cleaned_data
        times = given["begins_at"], given["ends_at"]
        changes.add_shift(visit.principal, UUID(given["member_id"]), given["kind"], *times)
        return _("Saved.")

    return _asked(request, form, act, "desk/on_call/shift.html", {"form": form})


@require_http_methods(METHODS)
@signed_in
def swap(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask a coworker to take one's own time on call."""
    names = overview.read(visit.principal).names
    others = {one: name for one, name in names.items() if one != visit.principal.member_id}
    form = SwapForm(request.POST or None, names=others)

    def act(form: SwapForm) -> StrOrPromise:
        given = form.cleaned_data
        times = given["begins_at"], given["ends_at"]
        changes.ask_swap(visit.principal, UUID(given["member_id"]), given["kind"], *times)
        return _("Asked. The shift stays yours until they agree.")

    return _asked(request, form, act, "desk/on_call/swap.html", {"form": form})


def _asked(
    request: HttpRequest,
    form: Any,
    act: Callable[[Any], StrOrPromise],
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Show the form, or do what it asks. A refusal is shown in it."""
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        try:
            done = act(form)
        except NotPermitted:
            raise
        except Refused as error:
            form.refuse(error)
            refusal = error
        else:
            notes.success(request, str(done))
            return redirect("desk_on_call")
    return page(request, template, context, refusal)


@require_http_methods(METHODS)
@signed_in
def remove_shift(request: HttpRequest, visit: Visit, shift_id: UUID) -> HttpResponse:
    """Ask first, then remove a shift that was entered."""
    _require_editor(visit)
    if request.method == "POST":
        changes.remove_shift(visit.principal, shift_id)
        notes.success(request, gettext("Removed."))
        return redirect("desk_on_call")
    found = [one for one in overview.read(visit.principal).shifts if one.id == shift_id]
    if not found:
        raise NotVisible
    return ask_first(request, _removal(visit, found[0]))


def _removal(visit: Visit, shift: Shift) -> Choice:
    times = clock_time(shift.begins_at, visit.now), clock_time(shift.ends_at, visit.now)
    return Choice(
        title=gettext("Remove this shift?"),
        subject=f"{shift.member.name}: {KIND_WORDS[shift.kind]}, " + " \N{EN DASH} ".join(times),
        follows=[gettext("For these hours the rotation counts again. Without one, no one is on.")],
        button=gettext("Remove"),
        keep=gettext("Keep it"),
        back=reverse("desk_on_call"),
    )


@require_http_methods(METHODS)
@signed_in
def import_file(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take a file of shifts: show what it says, and enter all of them once it has no fault."""
    _require_editor(visit)
    form: DeskForm = FileForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "now": visit.now, "kinds": KIND_WORDS}
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        names = overview.read(visit.principal).names
        zone = ZoneInfo(visit.agency.time_zone)
        try:
            lines = calendar_files.read(form.cleaned_data["file"], names, zone, visit.now)
            faults = sum(bool(one.fault) for one in lines)
            context |= {"lines": lines, "faults": faults, "names": names}
            if request.POST.get("what") == "import" and not faults:
                shifts = [one.shift for one in lines if one.shift]
                number = changes.import_shifts(visit.principal, shifts)
                words = ngettext("{number} shift entered.", "{number} shifts entered.", number)
                notes.success(request, words.format(number=number))
                return redirect("desk_on_call")
        except NotPermitted:
            raise
        except Refused as error:
            form.refuse(error)
            refusal = error
    return page(request, "desk/on_call/import.html", context, refusal)


@require_safe
@signed_in
def uncovered(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List for the coordinator the agencies at which no phone answers now, and every agency's
    figures."""
    found = figures.read(visit.principal)
    context = {"found": found, "now": visit.now}
    return page(request, "desk/on_call/uncovered.html", context)
