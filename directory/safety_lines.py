"""The safety lines (R16): numbers for a person in danger and for people who help them."""

from typing import TypedDict

from django.conf import settings


class SafetyLine(TypedDict):
    name: str
    phone: str
    note: str


def lines_in(language: str) -> list[SafetyLine]:
    """The network's lines from the settings, in display order: emergency first. A name or note that
    the network has not given in this language is in English."""
    return [
        SafetyLine(
            name=line.get(f"name_{language}") or line["name"],
            phone=line["phone"],
            note=line.get(f"note_{language}") or line.get("note", ""),
        )
        for line in settings.SAFETY_LINES
    ]


def safety_lines() -> list[SafetyLine]:
    """The lines in English."""
    return lines_in("en")


def safety_notice() -> str:
    """The notice in English."""
    return str(settings.SAFETY_NOTICE)


def notice_in(language: str) -> str:
    """The notice shown with the lines, in English if the network
    has not given it in this language."""
    given = settings.SAFETY_NOTICE_ES if language == "es" else ""
    return str(given or settings.SAFETY_NOTICE)
