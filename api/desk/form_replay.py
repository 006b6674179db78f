"""Shows a form with private words again after a refusal, but never as the answer to its POST.

A browser keeps the answer to a POST on its disk together with the POST and its words, so that it
can send them again, and signing out does not remove that (Chromium's session files; TH7). So the
words are kept here instead, sealed in the member's session for half an hour, and the form is shown
at its own address. They are deleted with the session, and once the form is accepted.
"""

from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from api.desk.encrypted_query import open_search, seal_search
from api.desk.request_context import Visit

KEY = "typed"  # in the session: what was typed, by address, sealed
WHY = "why "  # before a field's name: what was wrong with it


def is_private(form: Form) -> bool:
    """Return whether a field holds what a browser must not store."""
    return any(one.widget.attrs.get("autocomplete") == "off" for one in form.fields.values())


def replay_form(request: HttpRequest, visit: Visit, form: Form) -> HttpResponse:
    """Keep what was typed and why it was refused, and redirect to the form."""
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken"
    ]
    why = [(WHY + name, str(words)) for name, several in form.errors.items() for words in several]
    request.session[KEY] = {request.path: seal_search(request, typed + why, visit.now)}
    return redirect(request.path)


def typed_data(request: HttpRequest, visit: Visit) -> QueryDict | None:
    """Return what was typed and refused at this address within the last half hour."""
    sealed = request.session.get(KEY, {}).get(request.path)
    return open_search(request, sealed, visit.now) if sealed else None


def show_reasons(form: Form, typed: QueryDict) -> None:
    """Add the reasons that the form itself does not know: those of the rules."""
    for name, words in typed.items():
        field = name.removeprefix(WHY)
        if name != field and words not in form.errors.get(field, ()):
            form.add_error(field if field in form.fields else None, words)


def forget_form(request: HttpRequest) -> None:
    """Forget what was typed, because the form was accepted."""
    request.session.pop(KEY, None)
