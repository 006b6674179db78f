"""Pages for everyone: the front page, the data guide, and what each refusal's code means."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import is_valid_path, reverse
from django.utils.translation import check_for_language, gettext
from django.views.decorators.http import require_POST, require_safe

from api import languages
from api.desk.labels import state
from api.desk.problem_texts import PROBLEMS
from api.http.problem_details import refused_page
from api.texts import StrOrPromise
from directory.hsds import profile
from directory.projection import opening_hours
from directory.safety_lines import SafetyLine, lines_in, notice_in, safety_notice
from directory.search import query
from permissions.errors import NotVisible
from permissions.reference import matrix
from permissions.reference.matrix import LINES
from referrals.visible_status import Shown, shown_to_sender


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/home.html")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the language in a cookie, and go back to the page that the form names.

    Django's own view would also follow the Referer; this one follows only paths of Cairn's. A
    language that is not offered changes nothing.
    """
    path = request.POST.get("next", "")
    answer = redirect(path if is_valid_path(path) else "home")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite=settings.LANGUAGE_COOKIE_SAMESITE,
        )
    return answer


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
        "shown": [_in_words(one) for one in shown_to_sender()],
    }
    return render(request, "desk/who_sees_what.html", context)


class InWords(NamedTuple):
    true: str
    at_once: StrOrPromise
    after_a_week: StrOrPromise


def _in_words(shown: Shown) -> InWords:
    recipients = shown.side == "to" or shown.state == "declined"
    word = state("to" if recipients else "from", shown.state).word
    whose = {"to": gettext("{state}, by the recipient"), "from": gettext("{state}, by the sender")}
    true = whose.get(shown.side, "{state}").format(state=word)
    at_once, after_a_week = (state("from", one).word for one in (shown.at_once, shown.after_a_week))
    return InWords(true, at_once, after_a_week)


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page that the `type` of a problem answer names (RFC 9457, section 3.1.1)."""
    if code not in PROBLEMS:
        return refused_page(request, NotVisible())
    return render(request, "desk/problem.html", {"code": code, "explained": PROBLEMS[code]})


@require_safe
def safety(request: HttpRequest) -> HttpResponse:
    """Show the numbers to call on one page, to keep or to print (R16).

    It is made without the request: SharedCacheMiddleware serves it, the same for every caller.
    """
    return HttpResponse(safety_page())


def safety_page() -> str:
    spoken = languages.languages("papers")
    others = spoken[1:]
    context = {
        "notice": safety_notice(),
        "notices": [(one, notice_in(one)) for one in others if notice_in(one) != safety_notice()],
        "lines": safety_lines_in_all(),
        "languages": spoken,
        "others": others,
        "address": f"{settings.BASE_URL.rstrip('/')}{reverse('safety')}",
    }
    return render_to_string("desk/keep.html", context)


def safety_lines_in_all() -> list[dict[str, Any]]:
    """The safety lines, each in every language that papers are made in."""
    spoken = languages.languages("papers")
    return [_in_all(shown) for shown in zip(*map(lines_in, spoken), strict=True)]


def _in_all(shown: Sequence[SafetyLine]) -> dict[str, Any]:
    """One safety line in English, with its texts in the other languages where they differ."""
    english, *others = shown
    languages_ = languages.languages("papers")[1:]
    return {
        **english,
        **{
            f"{key}s": [
                (language, one[key])
                for language, one in zip(languages_, others, strict=True)
                if one[key] != english[key]
            ]
            for key in ("name", "note")
        },
    }
