"""What a member keyed in a call about an emergency comes back here, from the provider of calls: at
an address that only that call knows, and with the provider's signature."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from api.desk.provider_calls import answer_call
from referrals.claims import digits
from referrals.notifications import keyed_calls


@csrf_exempt  # the provider's signature is the proof
@require_POST
def keyed(request: HttpRequest, language: str, token: str) -> HttpResponse:
    """Take the digits, and say by TwiML what the voice answers."""

    def take(link: str, given: str) -> str:
        return keyed_calls.answers_awake(digits.key_in(token, given), language, link)

    return answer_call(request, "referral.claim", take, is_known=language in keyed_calls.VOICES)
