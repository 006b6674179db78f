"""The page on which the survivor signs: the exact paper, and a surface to draw on. No account, no
other page, and nothing that stays in the browser.

A secret that there never was, one that was used, stopped or replaced, and one that is over are
answered alike. The secret in the address is the proof of the form, too: no cookie is set.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from api.desk.referral.release.release_paper import permission_text
from api.desk.request_context import METHODS
from api.desk.template_context import safety_in
from api.http.middleware import CSP_SCRIPT
from api.http.problem_details import refused_page, status_of
from permissions.audit import writer
from permissions.errors import NotVisible, Refused
from referrals.signing import signatures
from referrals.signing.pending import Content
from referrals.signing.strokes import HEIGHT, WIDTH, Drawing, svg_of


@csrf_exempt  # who knows the address may sign: it is in no link, and in no history but the signer's
@require_http_methods(METHODS)
def sign(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the paper and the surface; take what was drawn, once."""
    try:
        content = signatures.page_of(secret)
        if request.method != "POST":
            return _answer(request, content, "desk/signing/surface.html", _surface(content))
        try:
            signed = signatures.give(secret, request.POST)
        except NotVisible:
            raise
        except Refused as refusal:
            context = _surface(content) | {"refusal": refusal}
            return _answer(request, content, "desk/signing/surface.html", context)
        return _answer(request, signed, "desk/signing/given.html", _given(request, signed))
    except NotVisible as gone:
        try:
            writer.log_refusal(None, "release.sign", "signing_over")
        except Refused as failed:
            return refused_page(request, failed)
        return render(
            request, "desk/signing/over.html", {"desk_languages": ()}, status=status_of(gone)[0]
        )
    except Refused as failed:
        return refused_page(request, failed)


def _answer(
    request: HttpRequest, content: Content, template: str, context: dict[str, Any]
) -> HttpResponse:
    with translation.override(content.language):
        refusal = context.pop("refusal", None)
        common = {
            "language": content.language,
            "paper": content.paper,
            "refused": gettext(refusal.detail) if refusal else "",
            "desk_languages": (),
        }
        common |= safety_in(content.language)
        status = status_of(refusal)[0] if refusal else 200
        answer = render(request, template, common | context, status=status)
    answer["Content-Security-Policy"] = CSP_SCRIPT
    return answer


def _surface(content: Content) -> dict[str, Any]:
    who = permission_text(content.language).who
    return {
        "signers": [(one, who[one], one != "self") for one in content.signers],
        "asks_name": content.asks_name,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _given(request: HttpRequest, content: Content) -> dict[str, Any]:
    """The copy is in this one answer, if they want it, and nowhere else."""
    copy = request.POST.get("copy") == "yes" and content.record is not None
    who = permission_text(content.language).who
    back = reverse("desk_signing", args=[content.referral_id, content.act])
    return {
        "copy": copy,
        "signatures": [
            (who[one.who], one, picture(one.drawing)) for one in signatures.given(content)
        ]
        if copy
        else (),
        "signed_at": content.signed_at,
        "back": back if content.way == "screen" else "",
    }


def picture(drawing: Drawing) -> SafeString:
    """What was drawn, to put into a page."""
    return mark_safe(svg_of(drawing))  # noqa: S308 (made of whole numbers alone)
