"""How often survivors were given their rights: an agency's months for its leads, and the network's
years for the coordinator."""

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from api.desk.request_context import Visit, page, signed_in
from referrals.rights import tally
from referrals.rights.items import BY_NAME


@require_safe
@signed_in
def counts(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the counts, the newest first."""
    found = tally.counts(visit.principal)
    shape = "%Y" if visit.coordinates else "%Y-%m"
    when = [
        (
            f"{begins:{shape}}",
            [(gettext(BY_NAME[one.item].label), one.number) for one in group],
        )
        for begins, group in groupby(found, key=lambda one: one.begins)
    ]
    return page(request, "desk/agency/rights_counts.html", {"when": when, "least": tally.LEAST})
