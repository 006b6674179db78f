"""The survivor's permissions as pages: all of them, what was returned under one, and the paper to
print and sign."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from api import languages
from api.desk import labels
from api.desk.referral.page import common
from api.desk.referral.release.release_paper import paper_of, permission_text
from api.desk.request_context import Visit, page, signed_in
from api.desk.template_context import safety_in
from permissions.errors import NotVisible
from referrals.acts import return_releases
from referrals.queries import details
from referrals.releases import records


@require_safe
@signed_in
def releases(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """List every release that this side may know, newest first. Ended ones stay on record."""
    seen = details.read_detail(visit.principal, referral_id)
    kept = records.list_releases(visit.principal, referral_id)
    context = common(visit, seen) | {
        "releases": [
            {
                "release": one.release,
                "in_force": one.in_force,
                "back": one.release.direction == "return",
                "notice": one.release.direction == "notice",
                "fields": [
                    labels.FIELDS.get(name) or labels.RETURNED[name] for name in one.release.fields
                ],
                "basis": labels.BASES[one.release.basis],
                "form": labels.FORMS[one.release.form],
                "told": [labels.ATTESTATIONS[code] for code in one.release.attestations],
                "consent": [labels.CONSENTERS[by["who"]] for by in one.release.consenters],
                "witness": seen.names.get(one.paper.witnessed_by, "")
                if one.paper and one.paper.witnessed_by
                else "",
                "paper": one.paper,
                "sealed": one.release.signature_id is not None and one.paper is not None,
                "end": one.end,
            }
            for one in kept
        ]
    }
    return page(request, "desk/releases.html", context)


@require_safe
@signed_in
def release_paper(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show the paper for the survivor to read and sign, in their language. It names only the two
    agencies."""
    language = request.GET.get("language", "en")
    if language not in languages.languages("papers"):
        raise NotVisible
    seen, text = details.read_detail(visit.principal, referral_id), permission_text(language)
    if seen.side != "from":
        raise NotVisible
    context = common(visit, seen) | {
        "language": language,
        "others": [(code, name) for code, name in languages.named("papers") if code != language],
        "text": text,
        "paper": paper_of(visit.principal, seen, text),
    }
    context |= safety_in(language)
    return page(request, "desk/release_paper.html", context)


@require_safe
@signed_in
def returned(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show what the recipient reported under the survivor's return release, or nothing if there is
    none."""
    seen = details.read_detail(visit.principal, referral_id)
    told = return_releases.read_returned(visit.principal, referral_id)
    lines = labels.returned(told.content) if told else []
    context = common(visit, seen) | {"told": told, "lines": lines}
    return page(request, "desk/returned.html", context)
