"""Inviting many people by a list (CSV, RFC 4180): a preview with each fault, then all or none."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions import displayed_text
from permissions.enrollment import invitations
from permissions.enrollment.invitations import Wanted
from permissions.enrollment.sealed_messages import Address
from permissions.errors import BadRequest, Refused
from permissions.identity.contact_channels import LANGUAGES
from permissions.policy.rules import require_administrator

MOST = 200
COLUMNS = ("name", "roles", "to", "language", "staff_ref")


class Line(NamedTuple):
    """One line of the list: whom it invites, or what is wrong with it."""

    number: int
    wanted: Wanted | None
    text: str
    fault: str


class ListForm(DeskForm):
    people = Text(
        label=_("The list"),
        max_length=60_000,
        strip=False,
        widget=forms.Textarea(attrs=PRIVATE | {"rows": 8}),
        help_text=_(
            "One person a line: name, roles, email or mobile number, language (en or es, may be"
            " left out), staff number (may be left out). Several roles are separated by spaces."
        ),
    )


@require_http_methods(METHODS)
@signed_in
def invite_list(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for the list, show what it says, and invite everyone on it once it has no fault."""
    require_administrator(visit.principal)
    if away := require_fresh_factor(request):
        return away
    if request.method != "POST":
        return page(request, "desk/invite_list.html", {"form": ListForm()})
    form = ListForm(request.POST)
    context: dict[str, Any] = {"form": form}
    refusal: Refused | None = None
    if form.is_valid():
        lines = list(_lines(form.cleaned_data["people"]))
        faults = [one for one in lines if one.fault]
        context |= {"lines": lines, "faults": faults}
        if request.POST.get("what") == "invite" and lines and not faults:
            try:
                number = invitations.invite_all(
                    visit.principal, [one.wanted for one in lines if one.wanted]
                )
            except Refused as error:
                form.refuse(error)
                refusal = error
            else:
                words = ngettext(
                    "Invited {number} person. The link is on its way.",
                    "Invited {number} people. The links are on their way.",
                    number,
                )
                notes.success(request, words.format(number=number))
                return redirect("desk_members")
        elif not lines:
            form.add_error("people", _("Please fill this in."))
    return page(request, "desk/invite_list.html", context, refusal)


def _lines(text: str) -> Iterator[Line]:
    """Read the list. A first line with the columns' names is left out, and so is an empty one."""
    seen: set[tuple[str, str]] = set()
    rows = csv.reader(StringIO(text.replace("\0", "")), skipinitialspace=True)
    try:
        for number, cells in enumerate(rows, 1):
            if not any(one.strip() for one in cells):
                continue
            if number == 1 and [one.strip().lower() for one in cells[:3]] == list(COLUMNS[:3]):
                continue
            yield _line(number, [one.strip() for one in cells], seen)
    except csv.Error:
        yield Line(rows.line_num, None, "", gettext("This line cannot be read as CSV."))


def _line(number: int, cells: list[str], seen: set[tuple[str, str]]) -> Line:
    text = ", ".join(cells)
    if number > MOST:
        return Line(number, None, text, gettext("At most 200 lines at once."))
    if not 3 <= len(cells) <= len(COLUMNS):
        return Line(number, None, text, gettext("A line has a name, roles and an address."))
    name, roles, to, language, staff_ref = [*cells, "", ""][: len(COLUMNS)]
    name = displayed_text.normalized(name)
    kind = "mail" if "@" in to else "sms"
    address = Address(kind, to, language or LANGUAGES[0])
    wanted = Wanted(name, roles.split(), address, staff_ref or None)
    fault = displayed_text.fault_of(name, lines=False)
    if not fault and wanted.to.language not in LANGUAGES:
        fault = gettext("The language is en or es.")
    if not fault and ("to", to.lower()) in seen:
        fault = gettext("This address was on an earlier line.")
    if not fault and ("staff_ref", staff_ref) in seen:
        fault = gettext("This staff number was on an earlier line.")
    if not fault:
        try:
            invitations.check(wanted)
        except BadRequest as error:
            fault = error.detail
    seen.update([("to", to.lower()), *([("staff_ref", staff_ref)] if staff_ref else [])])
    return Line(number, None if fault else wanted, text, gettext(fault) if fault else "")
