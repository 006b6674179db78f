"""The packet and the notes as pages. What was opened is shown once, right after its purpose was
stated: no address leads to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, Group, Text, one_of, some_of
from api.desk.referral.page import common
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.texts import StrOrPromise
from permissions.errors import NotPermitted, NotVisible, Refused
from referrals import codes
from referrals.act_registry.registry import ACTS
from referrals.packet_fields import BY_NAME, FIELDS, PacketField
from referrals.packets import handoff_record, notes, packet
from referrals.queries import details
from referrals.queries.details import Detail

# -- The packet ------------------------------------------------------------------------------------


class PacketForm(ActForm):
    """One input per field: first those that the survivor released, then the others apart."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        release = self.seen.release
        self.released = set(release.fields) if release else set()
        for field in FIELDS:
            if field.asked_by is None or self.visit.agency.kind in field.asked_by:
                self.fields[field.name] = _asked(field)

    @property
    def groups(self) -> list[Group]:
        shown = self.visible_fields()
        return [
            Group("", [field for field in shown if field.name in self.released]),
            Group(
                _("Not in the permission: stays with your agency"),
                [field for field in shown if field.name not in self.released],
            ),
        ]

    @classmethod
    def comes_after(cls, seen: Detail) -> str:
        return "" if seen.release_in_force else "put_release"

    def arguments(self) -> dict[str, Any]:
        given = {
            name: said if isinstance(said, str) else " ".join(said)
            for name, said in self.cleaned_data.items()
        }
        return {"fields": {name: text for name, text in given.items() if text}}

    def clean(self) -> dict[str, Any]:
        if not self.errors and not any(self.cleaned_data.values()):
            raise forms.ValidationError(_("Write at least one field."))
        return self.cleaned_data


def _asked(field: PacketField) -> forms.Field:
    """The question for one field."""
    if field.codes is not None:
        return some_of(
            labels.choices(field.codes),
            gettext(field.label),
            required=False,
            help_text=gettext(field.hint),
        )
    tall = forms.Textarea(attrs=PRIVATE | {"rows": field.lines})
    return Text(
        label=gettext(field.label),
        max_length=field.longest,
        required=False,
        widget=tall if field.lines > 1 else forms.TextInput(PRIVATE),
        help_text=gettext(field.hint),
    )


class PurposeForm(ActForm):
    """Why something is opened. The likeliest purpose is chosen already."""

    purpose = one_of(labels.choices(codes.PURPOSE), _("Why are you opening this?"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        likely = LIKELY.get(self.seen.status, "review") if self.seen.side == "to" else "review"
        self.fields["purpose"].initial = likely


LIKELY = {"accepted": "intake", "in_handoff": "hand_off"}


class HandoffPurposeForm(PurposeForm):
    """The same for the hand-off record."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"].initial = "hand_off"


Show = Callable[[HttpRequest, Visit, Detail, dict[str, Any]], HttpResponse]
STATED = "opening"  # in the session: where something is opened next, what was stated, and when
STATED_LASTS = timedelta(minutes=1)
SHOWN_S = 600  # what was opened closes itself after so many seconds


def opening_page(
    act: str,
    show: Show,
    asks: type[PurposeForm] = PurposeForm,
    *,
    title: StrOrPromise = "",
    says: StrOrPromise = "",
    closes: bool = True,
) -> Callable[..., HttpResponseBase]:
    """Make the view that opens something: GET asks for the purpose, POST states it, and the GET to
    which it leads shows what was opened, once. Going back or reloading asks again: the browser
    keeps no answer to a POST, and has none to send twice. `title` and `says` are those of the act's
    entry, unless something else is opened under its rule. `closes`: the page closes itself."""
    known = ACTS[act].page
    assert known is not None  # each such act has one
    heading = {
        "title": title or gettext_lazy(known.title),
        "says": says or gettext_lazy(known.says),
    }

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = details.read_detail(visit.principal, referral_id)
        posted = request.method == "POST"
        given = request.POST if posted else _stated(request, visit)
        if given is None and act not in seen.acts:
            return redirect("desk_referral", referral_id)
        form = asks(given, visit=visit, seen=seen)
        refusal = None
        if form.is_valid():
            if posted and act in seen.acts:
                stated = {name: request.POST.get(name, "") for name in form.fields}
                request.session[STATED] = [request.path, stated, visit.now.timestamp()]
                return redirect(request.path)
            try:
                answer = show(request, visit, seen, form.cleaned_data)
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
                form.refuse(error)
            else:
                if not closes:
                    return answer
                answer["Refresh"] = f"{SHOWN_S}; url={reverse('desk_referral', args=[referral_id])}"
                return answer
        context = common(visit, seen) | {"form": form, **heading}
        return page(request, "desk/purpose.html", context, refusal)

    return view


def _stated(request: HttpRequest, visit: Visit) -> dict[str, str] | None:
    """Return what was just stated at this address, once; None if nothing was."""
    path, stated, at = request.session.get(STATED) or ("", {}, 0.0)
    if request.method != "GET" or path != request.path:
        return None
    del request.session[STATED]
    lasted = visit.now.timestamp() - at
    return stated if lasted < STATED_LASTS.total_seconds() else None


def _show_packet(
    request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]
) -> HttpResponse:
    purpose = given["purpose"]
    opened = packet.open_packet(visit.principal, seen.referral.id, purpose)
    release = seen.release if seen.release_in_force else None
    shared = set(release.fields) if release else set()
    context = common(visit, seen) | {
        "rows": [
            (labels.FIELDS[name], labels.field_lines(name, opened.fields[name]), name in shared)
            for name in BY_NAME
            if (name in opened.fields and name != "safe_contact") or _stands_alone(name, opened)
        ],
        "opened": opened,
        "own": opened.release_id is None,
        "release": seen.release,
        "purpose": labels.label("purpose", purpose),
        "handling": [labels.handling(code) for code in opened.handling],
        "consented": [
            labels.FIELDS[name] for name in (opened.consent.fields if opened.consent else ())
        ],
    }
    return page(request, "desk/packet.html", context)


def _stands_alone(name: str, opened: packet.Opened) -> bool:
    """Return whether the safe way to contact is shown as a field like the others. Otherwise it is
    shown above every contact."""
    return name == "safe_contact" and name in opened.fields and opened.safe_contact is None


def _show_notes(
    request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]
) -> HttpResponse:
    purpose = given["purpose"]
    found = notes.open_notes(visit.principal, seen.referral.id, purpose)
    context = common(visit, seen) | {
        "notes": [
            (
                labels.NOTE_KINDS.get(note.kind, note.kind),
                seen.names.get(note.member_id) or gettext("A former member"),
                note.created_at,
                labels.note_lines(note.kind, note.content),
            )
            for note in found
        ],
        "purpose": labels.label("purpose", purpose),
    }
    return page(request, "desk/notes.html", context)


def _show_handoff(
    request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]
) -> HttpResponse:
    purpose = given["purpose"]
    steps = handoff_record.open_handoff(visit.principal, seen.referral.id, purpose)
    context = common(visit, seen) | {
        "steps": [
            (
                labels.HANDOFF_STEPS[step.step],
                seen.names.get(step.member_id) or gettext("A former member")
                if step.member_id
                else gettext("the clock"),
                step.at,
                labels.handoff_lines(step.step, step.content),
            )
            for step in steps
        ],
        "purpose": labels.label("purpose", purpose),
    }
    return page(request, "desk/handoff.html", context)


open_packet = opening_page("open_packet", _show_packet)
open_notes = opening_page("open_notes", _show_notes)
open_handoff = opening_page(
    "open_notes",
    _show_handoff,
    HandoffPurposeForm,
    title=_("Open the record of the hand-off"),
    says=_("We log who opens this, when and why, as for your notes."),
)
