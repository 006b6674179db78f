"""A form with private words that was refused, asked once more: never as the answer to its POST.

What a POST is answered with a browser keeps on its disk together with the POST, words and all, so
that it can send them again; signing out does not reach that (Chromium's session files; TH7). So
the words are kept here instead, sealed in her session for half an hour, and the form is shown at
its own address. They are gone with the session, and once the form was taken.
"""

from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from api.desk.encrypted_query import open_search, seal_search
from api.desk.request_context import Visit

KEY = "typed"  # in the session: of each address, what was typed there, sealed
WHY = "why "  # before a field's name: what was wrong with it


def is_private(form: Form) -> bool:
    """Whether a field holds what a browser is told not to keep."""
    return any(one.widget.attrs.get("autocomplete") == "off" for one in form.fields.values())


def replay_form(request: HttpRequest, visit: Visit, form: Form) -> HttpResponse:
    """Keep what was typed, and why it was refused, and lead to the form."""
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
    """What was typed and refused at this address, if that was just now."""
    sealed = request.session.get(KEY, {}).get(request.path)
    return open_search(request, sealed, visit.now) if sealed else None


def show_reasons(form: Form, typed: QueryDict) -> None:
    """The reasons that the form itself does not know: those of the rules."""
    for name, words in typed.items():
        field = name.removeprefix(WHY)
        if name != field and words not in form.errors.get(field, ()):
            form.add_error(field if field in form.fields else None, words)


def forget_form(request: HttpRequest) -> None:
    """The form was taken."""
    request.session.pop(KEY, None)
