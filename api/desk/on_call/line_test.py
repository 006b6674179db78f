"""The answers to a test of a phone line, by the person who holds the phone: no sign-in is
asked, and every address is answered alike, so that neither a guess nor a program that looks at
links learns or changes anything."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from api.desk.provider_calls import answer_call
from api.desk.request_context import METHODS, page
from api.http.problem_details import refused_page
from permissions.errors import Refused
from referrals.notifications import keyed_calls
from referrals.notifications.line_tests import answers


@csrf_exempt  # the address is the proof, and a phone that keeps no cookies answers too
@require_http_methods(METHODS)
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show one button; pressed, it answers the test. To open the page changes nothing."""
    try:
        if request.method == "POST":
            answers.answer(token, "link")
    except Refused as refusal:
        return refused_page(request, refusal)
    return page(request, "desk/on_call/line_test.html", {"done": request.method == "POST"})


@csrf_exempt  # the provider's signature is the proof
@require_POST
def by_key(request: HttpRequest, token: str) -> HttpResponse:
    """Take the key that was pressed in a call, and say by TwiML that it was."""

    def take(link: str, given: str) -> str:
        language = answers.answer(token, "key") if given else answers.LANGUAGE
        return keyed_calls.answers("line", language, link)

    return answer_call(request, "line.answer", take)
