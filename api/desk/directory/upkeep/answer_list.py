"""A list of questions that the coordinator answers: which of them it shows, where its page begins,
and the way back to that page after an answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.urls import reverse

PlaceT = TypeVar("PlaceT", bound=tuple[float, UUID])


class AnswerForm(forms.Form):
    """What the buttons of a list send along."""

    seen = forms.IntegerField(min_value=0, max_value=2**31 - 1)


@dataclass(frozen=True)
class AnswerList(Generic[PlaceT]):
    """`route` is the name of its address; `answers` are what to look for, by the parameter `show`.
    A place is a number, as the pattern `number` has it, and an id; `place` makes it of both."""

    route: str
    answers: Mapping[str, str]
    number: str
    place: Callable[[str, UUID], PlaceT]

    def shown(self, request: HttpRequest) -> str:
        """The key of the answers that the address asks for; at first what has no answer."""
        show = request.GET.get("show", "open")
        return show if show in self.answers else "open"

    def after(self, request: HttpRequest) -> PlaceT | None:
        """The place in the address; None for text that is none: the list begins at its top."""
        text = request.GET.get("after", "")
        found = re.fullmatch(rf"({self.number})\.([0-9a-f-]{{36}})", text, re.ASCII)
        try:
            return self.place(found[1], UUID(found[2])) if found else None
        except ValueError:
            return None

    def context(self, request: HttpRequest) -> dict[str, str]:
        """Where its page is, for the links and forms on it."""
        after = request.GET.get("after", "") if self.after(request) else ""
        return {"show": self.shown(request), "after": after}

    def next_page(self, request: HttpRequest, more: PlaceT | None) -> str:
        """The parameters of the page behind this place; '' if there is none."""
        show = self.shown(request)
        return urlencode({"show": show, "after": _written(more)}) if more else ""

    def back(self, request: HttpRequest) -> str:
        """The list where the answer was given: what is left of that page."""
        show, place = self.shown(request), self.after(request)
        ask = {"show": show} if show != "open" else {}
        if place:
            ask["after"] = _written(place)
        return f"{reverse(self.route)}{'?' if ask else ''}{urlencode(ask)}"


def _written(place: tuple[float, UUID]) -> str:
    number, row_id = place
    return f"{number}.{row_id}"
