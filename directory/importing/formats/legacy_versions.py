"""Rewrites lines of HSDS 1.1, 2.0 and Ohana's form as rows of version 3's tables.

A cell with a list becomes separate rows. Pure functions: a line in, rows out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from directory.hsds.schema import TABLES, Kind
from directory.importing import coercion
from directory.importing.records import ELIGIBILITY, NO_HOURS, NOTHING_IN_IT, SKIPPED, Line, Row

CELLS = {  # columns whose cells become rows of another table
    "languages": "language",
    "service_areas": "service_area",
    "required_documents": "required_document",
    "funding_sources": "funding",
    "accessibility": "accessibility",
    "keywords": "attribute",
    "taxonomy_ids": "attribute",
}

Owner = Mapping[str, str]


def rows_of(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """The rows made from a line; none if it is empty.

    `table` is table_of() of the line's file; `owner` maps a location to its organization, for
    services that name only their place (Ohana).
    """
    if SKIPPED.isdisjoint(line.notes):
        yield from _REWRITE.get(table, _as_it_is)(table, line, owner)


def _as_it_is(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    yield Row(table, line.values, line)


def _rename(values: dict[str, str], **new_names: str) -> None:
    """Move a column to its name in version 3, unless that column has a value."""
    for old, new in new_names.items():
        if value := values.pop(old, ""):
            values[new] = values.get(new) or value


def _parts(cell: str) -> list[str]:
    """The entries of a cell with a list; a comma inside parentheses does not separate."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", cell) if part.strip()]


def _made(table: str, line: Line, **values: str) -> Row:
    return Row(table, values, line, main=False)


def _labelled(line: Line, entity: str, key: str, values: dict[str, str]) -> Iterator[Row]:
    """Cells for which version 3 has no column, kept as attributes with a label."""
    for label in ("keywords", "audience", "accepted_payments", "accreditations", "licenses"):
        if label in TABLES[entity].columns:
            continue
        for part in _parts(values.pop(label, "")):
            yield _made("attribute", line, link_id=key, link_entity=entity, label=label, value=part)


def _organization(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, url="website", date_incorporated="year_incorporated")
    made = list(_labelled(line, "organization", key, values))
    for source in _parts(values.pop("funding_sources", "")):
        made.append(_made("funding", line, organization_id=key, source=source))
    yield Row("organization", values, line)
    yield from made


def _location(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, website="url")
    if not values.get("description"):
        _rename(values, short_desc="description")
    if values.pop("admin_emails", ""):
        line.notes.append("admin_emails: the source's editors, left out")
    virtual = coercion.read(Kind.FLAG, values.pop("virtual", ""))
    if virtual and virtual.value:
        values.setdefault("location_type", "virtual")
    made = []
    if short := values.pop("short_desc", ""):
        made.append(
            _made(
                "attribute",
                line,
                link_id=key,
                link_entity="location",
                label="short_desc",
                value=short,
            )
        )
    if email := values.pop("email", ""):
        made.append(_made("contact", line, location_id=key, email=email))
    for one in _parts(values.pop("accessibility", "")):
        made.append(_made("accessibility", line, location_id=key, description=_words(one)))
    for one in _parts(values.pop("languages", "")):
        made.append(_made("language", line, location_id=key, name=one))
    yield Row("location", values, line)
    yield from made


def _words(code: str) -> str:
    """Write a code like "disabled_parking" as words."""
    return code.replace("_", " ")


def _service(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, website="url", eligibility="eligibility_description")
    place = values.pop("location_id", "")
    if not values.get("organization_id"):
        values["organization_id"] = owner.get(place, "")
    made = list(_labelled(line, "service", key, values))
    if place:
        made.append(_made("service_at_location", line, service_id=key, location_id=place))
    for term in _parts(values.pop("taxonomy_ids", "")):
        made.append(
            _made("attribute", line, link_id=key, link_entity="service", taxonomy_term_id=term)
        )
    cells = {
        "languages": ("language", "name"),
        "service_areas": ("service_area", "name"),
        "required_documents": ("required_document", "document"),
        "funding_sources": ("funding", "source"),
    }
    for column, (child, name) in cells.items():
        for part in _parts(values.pop(column, "")):
            made.append(Row(child, {"service_id": key, name: part}, line, main=False))
    yield Row("service", values, line)
    yield from made


def _phone(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    _rename(values, number_type="type")
    spoken = _parts(values.pop("language", ""))
    about = [values.get("description", ""), values.pop("department", "")]
    if vanity := values.pop("vanity_number", ""):
        about.append(f"also {vanity}")
    values["description"] = ", ".join(part for part in about if part)
    prefix = values.pop("country_prefix", "")
    if spoken and not values.get("id"):  # its languages need an id to link to
        said = "\n".join(f"{column}={value}" for column, value in sorted(values.items()) if value)
        values["id"] = f"content-{sha256(said.encode()).hexdigest()[:24]}"
    numbers = coercion.split_phone(values.get("number", "")) or [(values.get("number", ""), "")]
    if len(numbers) > 1 or numbers[0][1]:
        line.notes.append("number: several numbers or an extension in one cell, taken apart")
    for position, (number, extension) in enumerate(numbers):
        row = {**values, "number": f"{prefix} {number}".strip()}
        if extension:
            row["extension"] = extension
        if position:
            row["id"] = f"{row['id']}-{position + 1}" if row.get("id") else ""
        yield Row("phone", row, line, main=not position)
        for one in spoken:
            yield _made("language", line, phone_id=row["id"], name=one)


def _address(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """Give an organization's own address a place, which version 3 requires."""
    values = dict(line.values)
    kind = "postal" if table == "postal_address" else "physical"
    values.setdefault("address_type", kind)
    if table != "address" and values.get("id"):
        values["id"] = f"{kind}-{values['id']}"  # two files, one table: ids may repeat
    organization = values.pop("organization_id", "")
    if organization and not values.get("location_id"):
        place = f"organization-{organization}-{kind}"
        values["location_id"] = place
        yield _made("location", line, id=place, organization_id=organization, location_type=kind)
    if not values.get("country") and values.get("state_province", "").upper() in STATES:
        values["country"] = "US"
        line.notes.append("country: none given, taken as US from the state")
    yield Row("address", values, line)


def _schedule(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """Convert one line per weekday, as before version 2. A day without hours makes no schedule: the
    source does not say that it is closed."""
    values = dict(line.values)
    if day := values.pop("weekday", ""):
        found = coercion.weekday(day)
        values["byday"] = str(found.value)
        values["freq"] = "WEEKLY"
        if not found.value:
            line.reason = "no day of the week"
            return
        if not values.get("opens_at") and not values.get("closes_at"):
            line.notes.append(NO_HOURS)
            return
    yield Row("schedule", values, line)


def _term(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    if "id" not in values:  # Ohana calls the key taxonomy_id
        values["id"] = values.pop("taxonomy_id", "")
        values.setdefault("code", values["id"])
    _rename(values, vocabulary="taxonomy", term="name")  # version 2.0's names
    values.pop("parent_name", None)
    yield Row("taxonomy_term", values, line)


def _service_taxonomy(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    _rename(values, taxonomy_id="taxonomy_term_id", taxonomy_detail="value", service_id="link_id")
    values["link_entity"] = "service"
    yield Row("attribute", values, line)


def _payment(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    key = line.values.get("service_id", "")
    paid = line.values.get("payment", "")
    values = {"link_id": key, "link_entity": "service", "label": "accepted_payments"}
    yield Row("attribute", {**values, "id": line.values.get("id", ""), "value": paid}, line)


def _eligibility(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """Version 1 had a table for eligibilities; version 3 has a text of the service."""
    if line.values.get("eligibility"):
        yield Row(ELIGIBILITY, line.values, line)
    else:
        line.notes.append(NOTHING_IN_IT)


def _one_column(old: str, new: str) -> "Rewrite":
    """The rewrite of a table in which version 1 named one column differently."""

    def rewrite(table: str, line: Line, owner: Owner) -> Iterator[Row]:
        values = dict(line.values)
        _rename(values, **{old: new})
        yield Row(table, values, line)

    return rewrite


Rewrite = Callable[[str, Line, Owner], Iterator[Row]]
_REWRITE: Mapping[str, Rewrite] = {
    "organization": _organization,
    "location": _location,
    "service": _service,
    "phone": _phone,
    "address": _address,
    "physical_address": _address,
    "postal_address": _address,
    "schedule": _schedule,
    "regular_schedule": _schedule,
    "taxonomy_term": _term,
    "service_taxonomy": _service_taxonomy,
    "payment_accepted": _payment,
    "eligibility": _eligibility,
    "language": _one_column("language", "name"),
    "service_area": _one_column("service_area", "name"),
    "accessibility": _one_column("accessibility", "description"),
}


_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ"
    " NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP"
)
STATES = frozenset(_STATES.split())
