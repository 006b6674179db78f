"""The end of a shift: hand over what the member holds to a coworker, in one step. A lead hands on
what no one holds in the same way, such as what a member who left worked on."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.forms import DeskForm, one_of, some_of
from api.desk.on_call import names
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.database.db_identity import identified_transaction
from permissions.errors import Refused
from referrals.act_registry.transitions import source_states
from referrals.acts import assignment
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from referrals.queries.lists import Line

AT_ONCE = 100


class ShiftForm(DeskForm):
    member_id = one_of([], _("Who takes them from now on?"))
    referrals = some_of([], _("Which referrals?"))

    def __init__(
        self, *args: Any, visit: Visit, held: list[Line], left: list[Line], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        with identified_transaction(visit.principal):
            found = assignment.colleagues(visit.principal)
        self.fields["member_id"].choices = names.as_choices(  # type: ignore[attr-defined]
            visit, [one for one in found if one.id != visit.principal.staff_id]
        )
        self.fields["referrals"].choices = [  # type: ignore[attr-defined]
            *((str(one.id), _words(one)) for one in held),
            *((str(one.id), f"{_words(one)} · {gettext('no one has it')}") for one in left),
        ]
        self.fields["referrals"].initial = [str(one.id) for one in held]


def _words(line: Line) -> str:
    """Return what tells one referral from another, without a word about the survivor."""
    needs = ", ".join(labels.labels("needs", line.needs))
    return f"{line.reference} · {labels.state(line.side, line.status).word} · {needs}"


def _held(visit: Visit) -> list[Line]:
    """Return what the member holds and can hand over, the nearest deadlines first."""
    lines, _more = lists.list_page(
        visit.principal,
        filters=Filters(phase="active", mine=True),
        limit=AT_ONCE,
        soonest=True,
    )
    member = str(visit.principal.member_id)
    return [
        one
        for one in lines
        if str(one.holder_id) == member and one.status in source_states("hand_over", one.side)
    ]


def _left(visit: Visit) -> list[Line]:
    """Return what no one of the agency holds any more, for a lead; the nearest deadlines first."""
    if not visit.principal.has_role("lead"):
        return []
    lines, _more = lists.list_page(
        visit.principal, filters=Filters(unheld=True), limit=AT_ONCE, soonest=True
    )
    return [one for one in lines if one.status in source_states("hand_over", one.side)]


@require_http_methods(METHODS)
@signed_in
def shift_change(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Hand over each chosen referral. Each is an act of its own: what cannot be handed over stays
    where it is and is named, the others are handed over. Twice is safe."""
    held, left = _held(visit), _left(visit)
    sent = request.POST if request.method == "POST" else None
    form = ShiftForm(sent, visit=visit, held=held, left=left)
    if request.method == "POST" and form.is_valid():
        _hand_over(request, visit, form, {str(one.id): one for one in [*held, *left]})
        return redirect("desk")
    context = {"form": form, "held": held, "left": left}
    return page(request, "desk/shift_change.html", context)


def _hand_over(request: HttpRequest, visit: Visit, form: ShiftForm, held: dict[str, Line]) -> None:
    to, done = UUID(form.cleaned_data["member_id"]), 0
    for referral_id in form.cleaned_data["referrals"]:
        try:
            assignment.hand_over(visit.principal, UUID(referral_id), to)
        except Refused as refusal:
            said = gettext("{reference} was not handed over. {why}")
            why = gettext(refusal.detail)
            messages.error(request, said.format(reference=held[referral_id].reference, why=why))
        else:
            done += 1
    if done:
        said = ngettext(
            "{number} referral is handed over.", "{number} referrals are handed over.", done
        )
        messages.success(request, said.format(number=done))
