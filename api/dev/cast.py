"""The demo network's agencies and people, all plainly invented."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Unit:
    """One agency of the cast; `people` maps a short name to (name, roles)."""

    key: str
    name: str
    kind: str
    duties: tuple[str, ...] = ()
    duty_phone: str = ""
    people: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    has_client: bool = True


def _staff(lead: str, one: str, two: str, editor: str, admin: str, auditor: str) -> dict[str, Any]:
    return {
        "lead": (lead, ("lead", "directory_editor")),
        "worker": (one, ("worker",)),
        "worker2": (two, ("worker",)),
        "editor": (editor, ("directory_editor",)),
        "admin": (admin, ("agency_admin",)),
        "auditor": (auditor, ("auditor",)),
    }


CAST = (
    Unit(
        "police",
        "Demo City Police",
        "law_enforcement",
        (),
        "406-555-0110",
        _staff(
            "Lou Sample",
            "Pat Example",
            "Sam Specimen",
            "Paz Drafted",
            "Ari Placeholder",
            "Dee Invented",
        ),
    ),
    Unit(
        "hospital",
        "Demo General Hospital",
        "healthcare",
        ("hipaa",),
        "406-555-0120",
        _staff(
            "Hana Sample",
            "Hal Example",
            "Hui Specimen",
            "Hedy Drafted",
            "Hope Placeholder",
            "Hugo Invented",
        ),
    ),
    Unit(
        "ywca",
        "Demo Women's Centre",
        "community_advocate",
        ("victim_services", "privilege"),
        "406-555-0130",
        _staff(
            "Yara Sample",
            "Yve Example",
            "Yoko Specimen",
            "Ysa Drafted",
            "Yann Placeholder",
            "Yuri Invented",
        ),
    ),
    Unit(
        "sarc",
        "Demo Campus Advocacy",
        "community_advocate",
        ("victim_services", "privilege"),
        "406-555-0140",
        _staff(
            "Cleo Sample",
            "Cam Example",
            "Cyd Specimen",
            "Cal Drafted",
            "Cary Placeholder",
            "Cora Invented",
        ),
    ),
    Unit(
        "solo",
        "Demo One-Lawyer Office",
        "legal",
        ("privilege",),
        "406-555-0150",
        {"all": ("Sol Example", ("worker", "lead", "directory_editor", "agency_admin"))},
    ),
    Unit(
        "taskforce",
        "Demo Task Force",
        "oversight",
        people={
            "coordinator": ("Tess Sample", ("coordinator",)),
            "auditor": ("Tam Invented", ("auditor",)),
        },
        has_client=False,
    ),
    Unit(
        "outsider",
        "Demo Food Bank",
        "social_service",
        (),
        "406-555-0160",
        _staff(
            "Otto Sample",
            "Olga Example",
            "Omar Specimen",
            "Ora Drafted",
            "Opal Placeholder",
            "Oona Invented",
        ),
    ),
)
