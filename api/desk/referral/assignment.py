"""Who works on a referral, as pages: put a colleague on it, hand it over, take it over (R7)."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.forms import ActForm, listed, one_of
from api.desk.request_context import Visit, signed_in
from permissions.database.db_identity import identified_transaction
from permissions.models import Membership
from referrals import codes
from referrals.acts import assignment, conflict_blocks

REASON = "Why do you put yourself on it"
TOLD = "Another member of your agency is told, with your reason."


class KeepForm(ActForm):
    keep = one_of(
        [("no", "Takes it off them"), ("yes", "Both go on working on it")],
        "Whoever holds it now",
        initial="no",
    )

    def keeps(self) -> bool:
        return bool(self.cleaned_data["keep"] == "yes")


def _colleagues(form: ActForm, name: str, but: set[UUID]) -> None:
    """Set the field's choices: members of the agency who could work on it, without those in
    `but`."""
    with identified_transaction(form.visit.principal):
        found = assignment.colleagues(form.visit.principal)
    form.fields[name].choices = [  # type: ignore[attr-defined]
        (str(one.id), one.name) for one in found if one.id not in but
    ]


class AssignForm(ActForm):
    refused = {"member_unknown": "member_id", "reason_missing": "reason", "barred": "member_id"}

    member_id = one_of([], "Who")
    reason = listed(
        [("", "I name somebody else"), *labels.choices(codes.SELF_ASSIGNMENT)],
        REASON,
        required=False,
        help_text="Only if you name yourself. " + TOLD,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lead = self.visit.principal.has_role("lead")
        if not lead:
            del self.fields["reason"]
        herself = set() if lead else {self.visit.principal.staff_id}
        _colleagues(self, "member_id", {*self.seen.assigned, *herself})

    def arguments(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"member_id": UUID(given["member_id"]), "reason": given.get("reason") or None}


class HandOverForm(KeepForm):
    refused = {"member_unknown": "member_id", "barred": "member_id"}

    member_id = one_of([], "Who answers for it from now on")
    field_order = ("member_id", "keep")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        holder = self.seen.own.holder_id if self.seen.own else None
        but = {self.visit.principal.staff_id} | ({holder} if holder else set())
        _colleagues(self, "member_id", but)

    def arguments(self) -> dict[str, Any]:
        return {"member_id": UUID(self.cleaned_data["member_id"]), "keep": self.keeps()}


class TakeOverForm(KeepForm):
    refused = {"reason_missing": "reason"}

    reason = one_of(labels.choices(codes.SELF_ASSIGNMENT), REASON, help_text=TOLD)
    field_order = ("reason", "keep")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.seen.side == "to" and self.seen.referral.accepted_at is None:
            del self.fields["reason"]

    def arguments(self) -> dict[str, Any]:
        return {"reason": self.cleaned_data.get("reason"), "keep": self.keeps()}


@require_safe
@signed_in
def told(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what another member reviews: which lead put themselves on which referral and why, and
    which barred people asked for one."""
    own, to_review = assignment.self_assignments(visit.principal)
    asked = conflict_blocks.barred_attempts(visit.principal) if visit.does_casework else []
    with identified_transaction(visit.principal):
        names = dict(Membership.objects.filter(agency_id=visit.agency.id).values_list("id", "name"))
    tried = [(one, names.get(one.member_id, "Somebody of the other agency")) for one in asked]
    context = {"own": own, "to_review": to_review, "tried": tried, "now": visit.now}
    context["leads"] = visit.principal.has_role("lead")
    return render(request, "desk/told.html", context)
