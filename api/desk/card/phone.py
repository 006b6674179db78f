"""What a person keyed in a call that Cairn made about a card comes back here, from the provider of
calls: at an address that only that call knows, and with the provider's signature."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from api.desk.provider_calls import answer_call
from referrals.card import calls
from referrals.notifications import keyed_calls

LANGUAGE = "en"  # of the call: an agency's line has one


@csrf_exempt  # the provider's signature is the proof
@require_POST
def keyed(request: HttpRequest, token: str) -> HttpResponse:
    """Take the digits, and say by TwiML what the voice answers."""

    def take(link: str, given: str) -> str:
        return keyed_calls.answers(calls.key_in(token, given), LANGUAGE, link)

    return answer_call(request, "card.key", take)
