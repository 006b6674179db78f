"""What is keyed in a call that Cairn made comes back from the provider of calls: at an address that
only that call knows, and with the provider's signature."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from api.http.problem_details import refused_page
from permissions.audit import writer
from permissions.errors import NotVisible, Refused
from referrals.notifications import transports


def answer_call(
    request: HttpRequest, act: str, take: Callable[[str, str], str], *, is_known: bool = True
) -> HttpResponse:
    """Take what was keyed by `take(link, digits)`, which returns as TwiML what the voice answers;
    `link`: this address. A request that the provider did not sign, or at an address that we do not
    know, is a refusal of `act` in the log and answered like an address that there is not."""
    link = f"{settings.BASE_URL.rstrip('/')}{request.path}"
    signature = request.META.get("HTTP_X_TWILIO_SIGNATURE", "")
    try:
        if not (transports.is_of_provider(link, request.POST, signature) and is_known):
            writer.log_refusal(None, act, "bad_signature")
            raise NotVisible
        words = take(link, request.POST.get("Digits", ""))
    except Refused as refusal:
        return refused_page(request, refusal)
    return HttpResponse(words, content_type="text/xml; charset=utf-8")
