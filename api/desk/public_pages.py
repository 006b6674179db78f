"""Pages for everyone: the front page, the data guide, and what each refusal's code means."""

from collections import defaultdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from api.desk.problem_texts import PROBLEMS
from api.http.problem_details import refused_page
from directory.hsds import profile
from directory.projection import opening_hours
from directory.safety_lines import lines_to_keep, notice_in_spanish, safety_notice
from directory.search import query
from permissions.errors import NotVisible
from permissions.reference import matrix
from permissions.reference.matrix import LINES
from referrals.visible_status import shown_to_sender


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/home.html")


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Explain what the directory's data means: the standard's `data_guide`."""
    added: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for where, member, words in profile.described():
        added[where].append((member, words))
    context = {
        "profile_name": profile.NAME,
        "hsds_version": profile.HSDS_VERSION,
        "added": dict(added),
        "near_cap": query.CAP,
        "filters_cap": query.FILTERED_CAP,
        "words_cap": query.NAMED_CAP,
        "ahead_days": opening_hours.AHEAD_DAYS,
    }
    return render(request, "desk/guide.html", context)


@require_safe
def who_sees_what(request: HttpRequest) -> HttpResponse:
    """Show the model's own answers, for auditors and lawyers. The page holds no data and needs no
    sign-in."""
    context = {
        "tables": [
            (
                title,
                columns,
                [(line, [(one.who, matrix.cell(line, one)) for one in columns]) for line in LINES],
            )
            for title, columns in matrix.TABLES.items()
        ],
        "rules": [(line, matrix.rules_of(line.row)) for line in LINES],
        "legend": matrix.LEGEND,
        "not_shown": matrix.NOT_SHOWN,
        "shown": shown_to_sender(),
    }
    return render(request, "desk/who_sees_what.html", context)


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page that the `type` of a problem answer names (RFC 9457, section 3.1.1)."""
    if code not in PROBLEMS:
        return refused_page(request, NotVisible())
    return render(request, "desk/problem.html", {"code": code, "explained": PROBLEMS[code]})


@require_safe
def safety(request: HttpRequest) -> HttpResponse:
    """Show the numbers to call on one page, to keep or to print (R16).

    It is made without the request: SameForAllMiddleware serves it, the same for every caller.
    """
    context = {
        "notice": safety_notice(),
        "notice_es": notice_in_spanish(),
        "lines": lines_to_keep(),
        "address": f"{settings.BASE_URL.rstrip('/')}{request.path}",
    }
    return HttpResponse(render_to_string("desk/keep.html", context))
