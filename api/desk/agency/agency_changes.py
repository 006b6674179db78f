"""What was changed at the agency, newest first, for its leads and administrators."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from api.desk.agency import words
from api.desk.request_context import Visit, page, signed_in
from api.http import cursors
from permissions.audit import agency_changes
from permissions.audit.agency_changes import Change
from referrals.queries.lists import Place

SCOPE = "desk:agency-changes"
# Done by the network's operator; the entry names the member concerned, and no one who acted.
BY_OPERATOR = ("agency.add", "agency.change", "agency.confirm")
OF_OPERATOR = ("member", "client", "editor", "organization")  # all acts of these nouns
SUBJECTS = ("system", "member", "agency", "invitation")  # kinds of ids: what an entry is about


class Line(NamedTuple):
    at: datetime
    who: str
    act: str
    about: str  # the system, member, agency or invitation concerned, '' for none
    details: str


@require_safe
@signed_in
def changes(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the changes, a page at a time."""
    after = cursors.from_cursor(visit.principal, SCOPE, request.GET.get("after"))
    found = agency_changes.list_changes(visit.principal, after)
    last = found.changes[-1] if found.more else None
    place = Place(last.at, last.id) if last else None
    context = {
        "lines": [line_of(one, found.names) for one in found.changes],
        "next": cursors.to_cursor(visit.principal, SCOPE, place),
        "further": after is not None,
    }
    return page(request, "desk/agency/changes.html", context)


def line_of(change: Change, names: Mapping[UUID, str]) -> Line:
    """Return a change as its line says it. `names`: of members and agencies, by id."""
    by_operator = change.act in BY_OPERATOR or change.act.split(".")[0] in OF_OPERATOR
    name = names.get(change.member_id, "") if change.member_id else ""
    system = change.system or ""
    who, about = name, [system]
    if by_operator:
        who, about = gettext("Network operator"), [system or name]
    elif change.client_id:
        who = gettext("{system}, for {name}").format(system=system, name=name) if name else system
        about = []
    subjects = [one for one in change.codes or () if one.split(":")[0] in SUBJECTS]
    about += _subjects(
        [one for one in subjects if not (system and one.startswith("system:"))], names
    )
    said = [words.code_words(one, names) for one in change.codes or () if one not in subjects]
    if change.refused:
        said.insert(0, gettext("Tried, and refused"))
    return Line(change.at, who, change.act, ", ".join(filter(None, about)), ", ".join(said))


def _subjects(codes: list[str], names: Mapping[UUID, str]) -> list[str]:
    """What these ids are of, in words; invitations of one list are counted."""
    invitations = [one for one in codes if one.startswith("invitation:")]
    if len(invitations) > 1:
        number = len(invitations)
        counted = ngettext("{number} invitation", "{number} invitations", number)
        codes = [one for one in codes if one not in invitations]
        return [counted.format(number=number), *(words.code_words(one, names) for one in codes)]
    return [words.code_words(one, names) for one in codes]
