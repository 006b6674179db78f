"""What every page knows: the safety lines (R16), and who is signed in."""

from typing import Any

from django.http import HttpRequest

from directory.safety import safety_lines, safety_notice


def desk(request: HttpRequest) -> dict[str, Any]:
    return {
        "safety_lines": safety_lines(),
        "safety_notice": safety_notice(),
        "visit": getattr(request, "visit", None),
    }
