"""What every page knows: the safety lines (R16), and who is signed in."""

from typing import Any

from django.http import HttpRequest

from directory.safety_lines import lines_to_keep, notice_in_spanish, safety_lines, safety_notice


def desk(request: HttpRequest) -> dict[str, Any]:
    return {
        "safety_lines": safety_lines(),
        "safety_notice": safety_notice(),
        "visit": getattr(request, "visit", None),
    }


def safety_in_spanish() -> dict[str, Any]:
    """Return the safety lines for a page in Spanish. What the network has given only in English
    stays in English."""
    lines = [
        {"phone": line["phone"]}
        | {name: line[f"{name}_es"] or line[name] for name in ("name", "note")}  # type: ignore
        for line in lines_to_keep()
    ]
    notice = notice_in_spanish() or safety_notice()
    return {"safety_lines": lines, "safety_notice": notice, "safety_language": "es"}
