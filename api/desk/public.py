"""Pages for anybody: the front page, and what each refusal's code means."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.desk.problems import PROBLEMS
from api.errors import refused_page
from permissions.errors import NotVisible


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/home.html")


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """The page that the `type` of a problem answer names (RFC 9457, section 3.1.1)."""
    if code not in PROBLEMS:
        return refused_page(request, NotVisible())
    return render(request, "desk/problem.html", {"code": code, "explained": PROBLEMS[code]})
