"""The page before an act that is hard to take back: what follows from it, in plain words, with the
way back next to it. It works without script: the first form leads here, the second one acts."""

from collections.abc import Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse

from api.desk.request_context import page


class Choice(NamedTuple):
    """What is asked. `alarm` is what no one may overlook; '' if there is nothing of the kind.
    `subject` stands on the page alone, never in its title (R10)."""

    title: str
    subject: str
    follows: Sequence[str]
    button: str
    keep: str
    back: str  # the address that the way back leads to
    alarm: str = ""


def ask_first(request: HttpRequest, choice: Choice) -> HttpResponse:
    """Show what follows from the act. Its button posts to the same address."""
    return page(request, "desk/confirm.html", {"choice": choice})
