"""The other names that documents give to members of the standard, and the texts in them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from directory.hsds.schema import TABLES

Document: TypeAlias = dict[str, Any]

NAMES: Mapping[str, Mapping[str, str]] = {  # other names of a member → its name
    "organization": {
        "nickname": "alternate_name",
        "alternate_names": "alternate_name",
        "aliases": "alternate_name",
        "emails": "email",
        "email_addresses": "email",
        "url": "website",
        "urls": "website",
        "websites": "website",
        "phone": "phones",
        "phone_numbers": "phones",
        "contact_phones": "phones",
        "address": "addresses",
        "location": "locations",
        "service": "services",
        "contact": "contacts",
        "contact_info": "contacts",
        "contact_points": "contacts",
        "oid": "id",
        "hs_id": "id",
    },
    "service": {
        "service_name": "name",
        "service_status": "status",
        "alternate_names": "alternate_name",
        "emails": "email",
        "urls": "url",
        "phone": "phones",
        "schedule": "schedules",
        "location": "locations",
        "service_area": "service_areas",
        "language": "languages",
        "address": "addresses",
        "eligibility": "eligibility_description",
        "eligibility_requirements": "eligibility_description",
        "hs_id": "id",
    },
    "location": {
        "location_id": "id",
        "location_name": "name",
        "alternate_names": "alternate_name",
        "urls": "url",
        "phone": "phones",
        "schedule": "schedules",
        "contact": "contacts",
        "language": "languages",
    },
    "address": {
        "type": "address_type",
        "street": "address_1",
        "street1": "address_1",
        "street_address": "address_1",
        "street_address_1": "address_1",
        "line1": "address_1",
        "address": "address_1",
        "street2": "address_2",
        "street_2": "address_2",
        "street_address_2": "address_2",
        "line2": "address_2",
        "locality": "city",
        "state_province_code": "state_province",
        "state": "state_province",
        "zip": "postal_code",
        "zip_code": "postal_code",
        "country_code": "country",
    },
    "phone": {
        "phone_number": "number",
        "phone_type": "type",
        "ext": "extension",
        "notes": "description",
        "language": "languages",
    },
    "contact": {"phone": "phones", "contact_name": "name", "emails": "email"},
    "schedule": {
        "start_time": "opens_at",
        "open_time": "opens_at",
        "time_open": "opens_at",
        "time_start": "opens_at",
        "end_time": "closes_at",
        "close_time": "closes_at",
        "time_close": "closes_at",
        "time_end": "closes_at",
        "days": "byday",
        "day": "byday",
        "days_of_week": "byday",
        "day_of_week": "byday",
        "weekday": "byday",
        "start_date": "valid_from",
        "effective_date": "valid_from",
        "end_date": "valid_to",
        "exception_note": "notes",
    },
    "service_area": {"area_type": "extent_type", "notes": "description"},
}


def rename_members(table: str, document: Document, said: list[str]) -> Document:
    """Give members the standard's names. An empty member never replaces one with content."""
    names = NAMES.get(table, {})
    found: Document = {}
    for member, value in document.items():
        name = names.get(member, member)
        if name in TABLES[table].columns and isinstance(value, list | dict):
            value = one_text(value)
        if name == member:
            found[name] = value if found.get(name) in (None, "", []) else found[name]
        elif found.get(name) in (None, "", []) and document.get(name) in (None, "", []):
            found[name] = value
            if value not in (None, "", []):
                said.append(f"{member}: taken as {name}")
    return found


def one_text(value: Any) -> Any:
    """One text from a list of texts, or from an object that contains a text."""
    if isinstance(value, Mapping):
        for member in ("description", "text", "name", "url", "email", "address", "value", "notes"):
            if isinstance(value.get(member), str):
                return value[member]
        return None
    parts = [one_text(one) if isinstance(one, Mapping) else one for one in value]
    return ", ".join(str(part) for part in parts if part not in (None, "")) or None


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
