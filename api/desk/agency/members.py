"""The agency's members, for its administrator: invite, change roles, end, bring back."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency import role_labels
from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.link_picture import picture_of
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text, listed, one_of, some_of
from api.desk.request_context import METHODS, Visit, page, require_uuid, signed_in
from permissions.enrollment import invitations, members
from permissions.enrollment.sealed_messages import Address
from permissions.errors import Refused
from permissions.identity import contact_channels
from permissions.models import Membership
from permissions.policy.rules import require_administrator
from permissions.staff import staff_refs
from referrals import codes
from referrals.on_call import overview

HOW = [
    ("mail", _("Email to them")),
    ("sms", _("Text message to them")),
    ("screen", _("They are here: their phone reads a picture on this screen")),
]


class RolesForm(DeskForm):
    roles = some_of(role_labels.choices(), _("What they do here"))


class StaffNumberForm(DeskForm):
    refused: ClassVar[Mapping[str, str]] = {"staff_ref_taken": "staff_ref"}
    staff_ref = Text(
        label=_("Staff number"),
        max_length=staff_refs.MOST_CHARACTERS,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text=_(
            "Their badge, NPI or HR number, as your systems write it. Leave it empty for none."
        ),
    )


class InviteForm(RolesForm):
    name = Text(
        label=_("Their name, as coworkers read it"),
        max_length=200,
        widget=forms.TextInput(attrs=PRIVATE),
    )
    how = one_of(HOW, _("How the link reaches them"))
    address = Text(
        label=_("Their email address or phone number"),
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text=_(
            "Their own: the person who opens the link becomes the member. Not needed on screen."
        ),
    )
    language = listed(
        [(one, _(codes.LANGUAGE[one])) for one in contact_channels.LANGUAGES],
        _("Language of the message"),
    )
    field_order = ("name", "roles", "how", "address", "language")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("how") in ("mail", "sms") and not given.get("address"):
            self.add_error("address", _("Please fill this in."))
        return given

    def to(self) -> Address | None:
        given = self.cleaned_data
        if given["how"] == "screen":
            return None
        return Address(given["how"], given["address"], given["language"])


@require_http_methods(METHODS)
@signed_in
def all_members(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show who works here, and who is invited; the buttons lead on or end an invitation."""
    require_administrator(visit.principal)
    if request.method == "POST":
        invitations.end_invitation(visit.principal, require_uuid(request.POST.get("which")))
        notes.success(request, gettext("The invitation has ended. Its link opens nothing."))
        return redirect("desk_members")
    found = members.staff(visit.principal)
    context = {
        "members": [one for one in found.members if one.active],
        "left": [one for one in found.members if not one.active],
        "invitations": found.invitations,
        "now": visit.now,
        "on_call": overview.on_at(visit.agency.id, visit.now),
    }
    return page(request, "desk/members.html", context)


@require_http_methods(METHODS)
@signed_in
def invite(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Invite one person. The link is sent to them, or shown once as a picture for their phone."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    form = InviteForm(request.POST or None, initial={"roles": ["worker"]})
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        given, to = form.cleaned_data, form.to()
        try:
            made = invitations.invite(visit.principal, given["name"], given["roles"], to)
        except Refused as error:
            form.refuse(error)
            refusal = error
        else:
            if to is None:
                shown = {"picture": picture_of(made.link), "name": given["name"]}
                return page(request, "desk/invited.html", shown)
            notes.success(request, gettext("Invited. The link is on its way to them."))
            return redirect("desk_members")
    return page(request, "desk/invite.html", {"form": form}, refusal)


@require_http_methods(METHODS)
@signed_in
def roles(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Replace one member's roles."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    member = members.one(visit.principal, member_id)
    form = RolesForm(request.POST or None, initial={"roles": member.roles})
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        try:
            members.change_roles(visit.principal, member_id, form.cleaned_data["roles"])
        except Refused as error:
            form.refuse(error)
            refusal = error
        else:
            notes.success(request, gettext("Saved. Added roles begin at their next sign-in."))
            return redirect("desk_members")
    return page(request, "desk/member_roles.html", {"form": form, "member": member}, refusal)


@require_http_methods(METHODS)
@signed_in
def staff_number(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Set or clear the number by which the agency's systems may name one member."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    member = members.one(visit.principal, member_id)
    form = StaffNumberForm(request.POST or None, initial={"staff_ref": member.staff_ref})
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["staff_ref"] or None
        try:
            members.set_staff_ref(visit.principal, member_id, given)
        except Refused as error:
            form.refuse(error)
            refusal = error
        else:
            said = gettext("Saved.") if given else gettext("They have no staff number now.")
            notes.success(request, said)
            return redirect("desk_members")
    return page(request, "desk/member_number.html", {"form": form, "member": member}, refusal)


@require_http_methods(METHODS)
@signed_in
def end(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Ask first, then end a membership."""
    return _asked(request, visit, member_id, _ends, members.end, _("They have left."))


@require_http_methods(METHODS)
@signed_in
def bring_back(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Ask first, then let a member who left sign in again."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    done = _("They can sign in again.")
    return _asked(request, visit, member_id, _returns, members.bring_back, done)


def _asked(
    request: HttpRequest,
    visit: Visit,
    member_id: UUID,
    choice: Callable[[Membership], Choice],
    act: Callable[[Any, UUID], None],
    done: Any,
) -> HttpResponse:
    if request.method == "POST":
        act(visit.principal, member_id)
        notes.success(request, str(done))
        return redirect("desk_members")
    return ask_first(request, choice(members.one(visit.principal, member_id)))


def _ends(member: Membership) -> Choice:
    return Choice(
        title=gettext("End this membership?"),
        subject=member.name,
        follows=[
            gettext("They are signed out at once, on every device."),
            gettext("What they worked on is shown to your leads, who hand it on by one list."),
            gettext("The access log keeps what they did."),
        ],
        button=gettext("End the membership"),
        keep=gettext("Back, change nothing"),
        back=reverse("desk_members"),
    )


def _returns(member: Membership) -> Choice:
    return Choice(
        title=gettext("Let this member come back?"),
        subject=member.name,
        follows=[
            gettext("They sign in with what they had. They are assigned to nothing of before."),
        ],
        button=gettext("Let them come back"),
        keep=gettext("Back, change nothing"),
        back=reverse("desk_members"),
    )
