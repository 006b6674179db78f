"""How the sandbox is asked: a program sends JSON and gets JSON; a form of its page leads back to
it. No one signs in: who reaches this machine's own address may."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from rest_framework.exceptions import UnsupportedMediaType

from api.http import problem_details
from api.http.json_bodies import Answer, JSONParser, read
from permissions.errors import BadRequest, Refused

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Done(NamedTuple):
    """What was done: for a program, and for the page."""

    answer: dict[str, Any]
    note: str
    status: int = 200


Act = Callable[..., Done]
View = Callable[..., HttpResponse]


def asked(act: Act) -> View:
    """Make a view of `act`, which is given the fields of the body. A form has Django's token; JSON
    needs none, for no other site can make a browser send it here."""

    @csrf_exempt
    @wraps(act)
    def view(request: HttpRequest, **named: str) -> HttpResponse:
        by = _by_form if request.content_type in FORMS else _by_program
        return by(request, act, named)

    return view


def only(fields: dict[str, Any], *known: str) -> None:
    """Raise BadRequest for a field that is not documented."""
    if set(fields) - set(known):
        raise BadRequest("unknown_field", "This address takes no such field.")


def _by_program(request: HttpRequest, act: Act, named: dict[str, str]) -> HttpResponse:
    try:
        if request.content_type != JSONParser.media_type:
            raise UnsupportedMediaType(request.content_type or "")
        done = act(read(request, [JSONParser]), **named)
    except Exception as error:
        refused = problem_details.handle(error, ["POST"])
        if refused is None:
            raise
        return refused
    return Answer(done.answer, done.status)


@csrf_protect
def _by_form(request: HttpRequest, act: Act, named: dict[str, str]) -> HttpResponse:
    fields = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    try:
        done = act(fields, **named)
    except Refused as refusal:
        return problem_details.refused_page(request, refusal)
    messages.info(request, done.note)
    return redirect("sandbox")
