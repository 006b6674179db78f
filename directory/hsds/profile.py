"""The *victim services* profile: the members that we add to HSDS, with their descriptions.

directory/hsds/published_schemas.py makes merge patches and schemas from it. No database, no HTTP.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from directory.facets import INTAKES
from directory.hsds.schema import LISTS, OURS, Kind
from directory.models import PLACES, STATUSES

NAME = "victim services"
VERSION = "1.0"
HSDS_VERSION = "3.2.3"  # the version it extends

Schema = dict[str, Any]

TYPES: Mapping[Kind, Schema] = {  # any other kind is text
    Kind.EMAIL: {"type": "string", "format": "email"},
    Kind.URL: {"type": "string", "format": "uri"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.WHOLE: {"type": "number"},
    Kind.NUMBER: {"type": "number"},
    Kind.AMOUNT: {"type": "number"},
    Kind.EXTENSION: {"type": "number"},
    Kind.FLAG: {"type": "boolean"},
    Kind.LIST: {"type": "array", "items": {"type": "string"}},
    Kind.STATUS: {"type": "string", "enum": list(STATUSES)},
    Kind.PLACE: {"type": "string", "enum": list(PLACES)},
    Kind.WEEKDAYS: {"type": "string", "enum": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]},
    Kind.FREQUENCY: {"type": "string", "enum": ["WEEKLY", "MONTHLY"]},
}
UUID: Schema = {"type": "string", "format": "uuid"}
TEXT: Schema = {"type": "string"}
_OTHERWISE: Mapping[tuple[str, str], Schema] = {  # a URL that is plain text in the standard
    ("organization", "logo"): TEXT,
}


def column(table: str, name: str, kind: Kind) -> Schema:
    """The schema of a column, with a description if the column is ours."""
    schema = dict(_OTHERWISE.get((table, name)) or TYPES.get(kind, TEXT))
    if words := _WORDS.get((table, name)):
        schema["description"] = words
    return schema


_WORDS: Mapping[tuple[str, str], str] = {
    ("organization", "confidential"): (
        "Known to members of the network only, with all its services and places."
    ),
    ("location", "confidential"): (
        "Its location is shown to no one: no address, no coordinates. The place itself is shown"
        " only inside a confidential entry."
    ),
    ("service", "confidential"): (
        "Known to members of the network only: its own marker or its organization's."
    ),
    ("service", "victimization_types"): (
        "What happened to the people it is for: codes of the taxonomy victimization. Empty: it"
        " does not say."
    ),
    ("service", "safe_contact_notes"): (
        "How it reaches people without putting them in danger: withheld number, no message."
    ),
    ("service", "intake_paused"): "Its agency has stopped taking referrals for the moment.",
    ("service", "intake_paused_until"): (
        "When the pause ends by itself. Left out: when the agency ends it, or there is none."
    ),
    ("schedule", "time_zone"): (
        "The zone of these hours, as the IANA database names it, such as America/Denver. It comes"
        " before `timezone`, which knows no daylight saving time."
    ),
    ("holiday_schedule", "start_date"): "First day on which the usual hours do not hold.",
    ("holiday_schedule", "end_date"): "Last such day.",
    ("holiday_schedule", "closed"): "Closed all day; else open at the hours named here.",
    ("holiday_schedule", "opens_at"): "Local to the place.",
    ("holiday_schedule", "closes_at"): "Local to the place.",
}
_EXTERNAL_IDS: Schema = {
    "type": "array",
    "description": "What other directories call it.",
    "items": {
        "type": "object",
        "properties": {"source": {"type": "string"}, "id": {"type": "string"}},
        "required": ["source", "id"],
    },
}
_PROVENANCE: Schema = {
    "type": "object",
    "description": "Which source it was imported from, and when an import last wrote it; in details"
    " alone. Left out: it was written here.",
    "properties": {
        "source": {"type": "string", "description": "Its name here."},
        "license": {"type": "string", "description": "Of the source's data."},
        "link": {"type": "string", "format": "uri", "description": "Where the source is."},
        "imported": {"type": "string", "format": "date-time"},
    },
    "required": ["source"],
}
_DISTANCE: Schema = {
    "type": "number",
    "description": "Meters from the place of the search; only in a search with a place.",
}
SOMEWHERE = (
    "A ZIP code. The place has no coordinates, so it is taken to be in the middle of this code, and"
    " `distance` is approximate. Left out where the distance is exact."
)
_SOMEWHERE: Schema = {"type": "string", "description": SOMEWHERE}
STAND_IN = (
    "True: its source names it and does not list it, so this is what was known of it. Left out"
    " otherwise."
)
REPLACED_BY = (
    "The service under which it is listed: the same one, from another source. Its status is then"
    " `inactive`. Left out otherwise."
)
HOLIDAYS: Schema = {
    "type": "array",
    "description": "Days on which the usual hours do not hold.",
    "items": {"$ref": "holiday_schedule.json"},
}
_MADE: Mapping[str, Schema] = {  # members that are not columns
    "organization": {
        "external_ids": _EXTERNAL_IDS,
        "provenance": _PROVENANCE,
        "stand_in": {"type": "boolean", "description": STAND_IN},
    },
    "location": {"external_ids": _EXTERNAL_IDS},
    "service": {
        "external_ids": _EXTERNAL_IDS,
        "provenance": _PROVENANCE,
        "answered_by": {
            "type": ["string", "null"],
            "format": "uuid",
            "description": "The agency of the network that takes referrals; null: phone only.",
        },
        "intake": {
            "type": "string",
            "enum": list(INTAKES),
            "description": "taking referrals; paused by its agency; full: no capacity is left;"
            " unknown: no one said so. Call to ask.",
        },
        "replaced_by": {**UUID, "description": REPLACED_BY},
        "distance": _DISTANCE,
        "somewhere_in": _SOMEWHERE,
    },
    "service_at_location": {"distance": _DISTANCE, "somewhere_in": _SOMEWHERE},
}
PAGE: Schema = {
    "total_items_capped": {
        "type": "boolean",
        "description": "True: there are at least total_items, where counting stopped.",
    },
    "facets": {
        "type": "object",
        "description": "How many of the matches have what; where it was asked for.",
        "additionalProperties": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}
ROOT: Schema = {
    "profile_name": {"type": "string", "description": f"{NAME}."},
    "safety_notice": {
        "type": "string",
        "description": "Do not step in yourself. Call these numbers.",
    },
    "safety_lines": {
        "type": "array",
        "description": "Numbers for a person in danger, the emergency number first.",
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "phone": {"type": "string"},
                "note": {"type": "string"},
            },
            "required": ["name", "phone"],
        },
    },
}


def added(table: str) -> Schema:
    """The members that the profile adds to an object, except lists of `holiday_schedules`."""
    columns = {name: column(table, name, kind) for name, kind in OURS.get(table, {}).items()}
    return columns | dict(_MADE.get(table, {}))


def described() -> Iterable[tuple[str, str, str]]:
    """(object, member, description) of everything that the profile adds, for people to read."""
    for table in ("organization", "location", "service", "service_at_location", "schedule"):
        for name, member in added(table).items():
            yield table, name, member["description"]
        if "holiday_schedules" in LISTS.get(table, {}):
            yield table, "holiday_schedules", HOLIDAYS["description"]
    for name, member in PAGE.items():
        yield "page", name, member["description"]
    for name, member in ROOT.items():
        yield "root", name, member["description"]
