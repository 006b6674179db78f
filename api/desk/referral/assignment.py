"""Who works on a referral, as pages: put a colleague on it, hand it over, take it over (R7)."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.forms import ActForm, listed, one_of
from api.desk.on_call import names
from api.desk.request_context import Visit, signed_in
from api.http import cursors
from permissions.database.db_identity import identified_transaction
from permissions.enrollment import registered_numbers
from permissions.models import Agency, Membership
from referrals import codes
from referrals.acts import assignment
from referrals.queries import barred_attempts, block_alerts
from referrals.recovery import lost_acts

REASON = _("Why are you assigning yourself?")
TOLD = _("Another member of your agency is shown your reason.")


class KeepForm(ActForm):
    keep = one_of(
        [("no", _("They are done with it")), ("yes", _("Both keep working on it"))],
        _("The member who has it now"),
        initial="no",
    )

    def keeps(self) -> bool:
        return bool(self.cleaned_data["keep"] == "yes")


def _colleagues(form: ActForm, name: str, but: set[UUID]) -> None:
    """Set the field's choices: members of the agency who could work on it, without those in
    `but`."""
    with identified_transaction(form.visit.principal):
        found = assignment.colleagues(form.visit.principal)
    form.fields[name].choices = names.as_choices(  # type: ignore[attr-defined]
        form.visit, [one for one in found if one.id not in but]
    )


class AssignForm(ActForm):
    refused = {"member_unknown": "member_id", "reason_missing": "reason", "barred": "member_id"}

    member_id = one_of([], _("Who"))
    reason = listed(
        [("", _("I am assigning another member")), *labels.choices(codes.SELF_ASSIGNMENT)],
        REASON,
        required=False,
        help_text=_(
            "Only if you choose yourself. Another member of your agency is shown your reason."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lead = self.visit.principal.has_role("lead")
        if not lead:
            del self.fields["reason"]
        own = set() if lead else {self.visit.principal.staff_id}
        _colleagues(self, "member_id", {*self.seen.assigned, *own})

    def arguments(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"member_id": UUID(given["member_id"]), "reason": given.get("reason") or None}


class HandOverForm(KeepForm):
    refused = {"member_unknown": "member_id", "barred": "member_id"}

    member_id = one_of([], _("Who takes it from now on?"))
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
    """Show what another member reviews: who put themselves on which referral and why, which barred
    people asked for one, who barred a lead or all colleagues, and what a restore has lost."""
    own, to_review = assignment.self_assignments(visit.principal)
    barred = block_alerts.block_alerts(visit.principal)
    asked: list[barred_attempts.BarredAttempt] = []
    place = None
    if visit.does_casework:
        after = cursors.from_cursor(visit.principal, "told", request.GET.get("after"))
        asked, place = barred_attempts.barred_attempts(visit.principal, after=after)
    with identified_transaction(visit.principal):
        names: dict[UUID | None, str] = dict(
            Membership.objects.filter(agency_id=visit.agency.id).values_list("id", "name")
        )
        agencies = dict(
            Agency.objects.filter(id__in=[one.agency_id for one in barred]).values_list(
                "id", "name"
            )
        )
    tried = [
        (one, names.get(one.member_id) or gettext("A person at the other agency")) for one in asked
    ]
    context: dict[str, Any] = {"own": own, "to_review": to_review, "tried": tried, "now": visit.now}
    context["barred"] = [
        (one, names.get(one.member_id, "") if one.member_id else agencies[one.agency_id])
        for one in barred
    ]
    context["lost"] = lost_acts.for_lead(visit.principal)
    context["more"] = cursors.to_cursor(visit.principal, "told", place)
    context["leads"] = visit.principal.has_role("lead")
    context["reviews"] = registered_numbers.may_accept(visit.principal)
    return render(request, "desk/told.html", context)
