"""Where the law lets nothing be sent without a signature, the page is a number to call and a record
of the call. Nothing about the survivor is stored (34 U.S.C. 12291(b)(2))."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from api.desk.request_context import Visit
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.enrollment import notice_opinions
from permissions.models import Agency
from permissions.policy import disclosure
from referrals.acts import agreement as consent


def is_asked_for(visit: Visit, agreement: str) -> bool:
    """Return whether this member's agency may send nothing at all on this answer."""
    asked = agreement in disclosure.NOTICE_NOT_ASKED
    return asked and notice_opinions.must_sign(visit.principal)


def call_page(
    request: HttpRequest, visit: Visit, service_id: UUID, draft_id: UUID | None = None
) -> HttpResponse:
    """Show the recipient's numbers. A draft that was begun is erased at once, as at a "no"."""
    if draft_id is not None:
        consent.erase_draft(visit.principal, draft_id)
    with identified_transaction(visit.principal):
        listing = listings.find(visit.principal, service_id)
    answered_by = (
        listing and Agency.objects.filter(id=listing.answered_by).first()  # type: ignore[misc]
    )
    said = {"listing": listing, "answered_by": answered_by, "draft": draft_id is not None}
    return render(request, "desk/call_instead.html", said)


def to_sign(draft_id: UUID) -> HttpResponse:
    """Redirect to where the survivor's permission for the notice is recorded."""
    return redirect("desk_put_notice_release", draft_id)
