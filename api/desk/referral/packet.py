"""The packet and the notes as pages. What was opened is shown only in the answer to the POST that
stated the purpose: no address leads to it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, Group, one_of, some_of
from api.desk.referral.page import common
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import NotPermitted, NotVisible, Refused
from referrals import codes
from referrals.act_registry.registry import ACTS
from referrals.acts import handoff_record
from referrals.packet_fields import BY_NAME, FIELDS, PacketField
from referrals.packets import notes, packet
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
                "Not in her permission: stays with your agency",
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
            raise forms.ValidationError("Write at least one field.")
        return self.cleaned_data


def _asked(field: PacketField) -> forms.Field:
    """The question for one field."""
    if field.codes is not None:
        return some_of(
            labels.choices(field.codes), field.label[0], required=False, help_text=field.hint
        )
    tall = forms.Textarea(attrs=PRIVATE | {"rows": field.lines})
    return forms.CharField(
        label=field.label[0],
        max_length=field.longest,
        required=False,
        widget=tall if field.lines > 1 else forms.TextInput(PRIVATE),
        help_text=field.hint,
    )


class PurposeForm(ActForm):
    purpose = one_of(labels.choices(codes.PURPOSE), "What do you open it for")


class HandoffPurposeForm(PurposeForm):
    purpose = one_of(labels.choices(codes.PURPOSE), "What do you open it for", initial="hand_off")


Show = Callable[[HttpRequest, Visit, Detail, dict[str, Any]], HttpResponse]


def opening_page(
    act: str, show: Show, asks: type[PurposeForm] = PurposeForm, *, title: str = "", says: str = ""
) -> Callable[..., HttpResponse]:
    """Make the view that opens something: GET asks for the purpose, and the answer to POST is what
    was opened. `title` and `says` are those of the act's entry, unless something else is opened
    under its rule."""
    known = ACTS[act].page
    assert known is not None  # each such act has one
    heading = {"title": title or known.title, "says": says or known.says}

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = details.read_detail(visit.principal, referral_id)
        posted = request.method == "POST"
        if not posted and act not in seen.acts:
            return redirect("desk_referral", referral_id)
        form = asks(request.POST if posted else None, visit=visit, seen=seen)
        refusal = None
        if posted and form.is_valid():
            try:
                return show(request, visit, seen, form.cleaned_data)
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
                form.refuse(error)
        context = common(visit, seen) | {"form": form, **heading}
        return page(request, "desk/purpose.html", context, refusal)

    return view


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
                seen.names.get(note.member_id, "A former member"),
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
                seen.names.get(step.member_id, "A former member")
                if step.member_id
                else "the clock",
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
    title="Open the record of the hand-off",
    says="Who opened it, when and for what stands in the access log, as for your notes.",
)
