"""The safety lines (R16): numbers for a person in danger, and for whoever stands beside her."""

from typing import TypedDict

from django.conf import settings


class SpanishLine(TypedDict):
    """A line for the page to keep; the Spanish words may be missing."""

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
    """The network's lines in the order to show them: emergency first. From the settings."""
    return [
        SafetyLine(name=line["name"], phone=line["phone"], note=line.get("note", ""))
        for line in settings.SAFETY_LINES
    ]


def safety_notice() -> str:
    """ "Do not step in yourself: call …", shown with the lines."""
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
    """The notice in Spanish; empty where the network has said it in English alone."""
    return str(settings.SAFETY_NOTICE_ES)
