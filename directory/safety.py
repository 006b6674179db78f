"""The safety lines (R16): numbers for a person in danger, and for whoever stands beside her."""

from typing import TypedDict

from django.conf import settings


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
