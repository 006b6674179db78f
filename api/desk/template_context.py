"""What every page knows: the safety lines (R16), who is signed in, and the languages on offer."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from api.languages import SOURCE
from directory.safety_lines import lines_in, notice_in


def desk(request: HttpRequest) -> dict[str, Any]:
    language = get_language() or SOURCE
    return {
        "safety_lines": lines_in(language),
        "safety_notice": notice_in(language),
        "visit": getattr(request, "visit", None),
        "idle_lock_s": settings.IDLE_LOCK_S,
        "desk_language": language,
        "desk_languages": settings.LANGUAGES if len(settings.LANGUAGES) > 1 else (),
    }


def safety_in(language: str) -> dict[str, Any]:
    """Return the safety lines for a page that has a paper in this language. What the network has
    given only in English stays in English."""
    return {
        "safety_lines": lines_in(language),
        "safety_notice": notice_in(language),
        "safety_language": language,
    }
