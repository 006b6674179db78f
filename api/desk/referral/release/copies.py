"""What was signed, to look at and to print: an opening, with its purpose and its entry."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from api.desk import labels
from api.desk.referral.packet import opening_page
from api.desk.referral.page import common
from api.desk.referral.release.release_paper import permission_text
from api.desk.referral.release.surface import picture
from api.desk.request_context import Visit, page
from referrals.packets import notes
from referrals.queries.details import Detail
from referrals.releases import records
from referrals.signing import signed_record


def _show_signatures(
    request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]
) -> HttpResponse:
    """Show each with its paper, checked against its release."""
    purpose, referral_id = given["purpose"], seen.referral.id
    found = notes.open_notes(visit.principal, referral_id, purpose)
    releases = {
        one.release.signature_id: one.release
        for one in records.list_releases(visit.principal, referral_id)
    }
    signed = [
        (releases[note.id], signed_record.read(note.content["record"] or "", releases[note.id]))
        for note in reversed(found)
        if note.kind == "signature" and note.id in releases
    ]
    context = common(visit, seen) | {
        "signed": [
            {
                "release": release,
                "record": record,
                "form": labels.FORMS[release.form],
                "people": [
                    (permission_text(record.language).who[one.who], one, picture(one.drawing))
                    for one in record.signatures
                ],
            }
            for release, record in signed
        ],
        "purpose": labels.label("purpose", purpose),
    }
    return page(request, "desk/signing/copies.html", context)


signed_papers = opening_page(
    "open_notes",
    _show_signatures,
    title=_("Open what was signed"),
    says=_("The paper and the signature, as they were sealed. We log who opens them."),
)
