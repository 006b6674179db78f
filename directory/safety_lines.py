"""The safety lines (R16): numbers for a person in danger and for people who help them."""

from typing import TypedDict

from django.conf import settings


class SpanishLine(TypedDict):
    """A line that the page stores; the Spanish texts may be empty."""

    name: str
    phone: str
    note: str
    name_es: str
    note_es: str


class SafetyLine(TypedDict):
    name: str
    phone: str
    note: str


def safety_lines() -> list[SafetyLine]:
    """The network's lines from the settings, in display order: emergency first."""
    return [
        SafetyLine(name=line["name"], phone=line["phone"], note=line.get("note", ""))
        for line in settings.SAFETY_LINES
    ]


def safety_notice() -> str:
    """The notice shown with the lines: "Do not step in yourself: call …"."""
    return str(settings.SAFETY_NOTICE)


def lines_to_keep() -> list[SpanishLine]:
    """The same lines in English and Spanish."""
    return [
        SpanishLine(
            name=line["name"],
            phone=line["phone"],
            note=line.get("note", ""),
            name_es=line.get("name_es", ""),
            note_es=line.get("note_es", ""),
        )
        for line in settings.SAFETY_LINES
    ]


def notice_in_spanish() -> str:
    """The notice in Spanish; empty if the network has set it only in English."""
    return str(settings.SAFETY_NOTICE_ES)
