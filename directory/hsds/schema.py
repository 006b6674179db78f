"""HSDS 3.2's tables as data: columns, how each is read, and links.

The importer, the rendering and parsing of documents, and the published schemas all use it, so that
no column is in one and missing in another. Names are the standard's; `OURS` are the victim services
profile's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from directory import models as m


class Kind(Enum):
    """How the text of a column is read (directory/importing/coercion.py)."""

    TEXT = "text"
    EMAIL = "e-mail address"
    URL = "URL"
    DATE = "date"
    TIME = "time of day"
    MOMENT = "moment"
    WHOLE = "whole number"
    NUMBER = "number"
    AMOUNT = "amount of money"
    FLAG = "yes or no"
    LIST = "list of words"
    STATUS = "status of a service"
    PLACE = "type of place"
    PHONE = "telephone number"
    EXTENSION = "telephone extension"
    WEEKDAYS = "days of the week"
    FREQUENCY = "WEEKLY or MONTHLY"


@dataclass(frozen=True)
class Table:
    """One table of the standard. `links` are its foreign keys: column → table."""

    model: type[m.Entry]
    columns: Mapping[str, Kind]
    links: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    kept_as: Mapping[str, str] = field(default_factory=dict)  # column → field, if they differ
    shown: frozenset[str] = frozenset()  # in a document even if empty: its schema requires it

    def field_of(self, column: str) -> str:
        return self.kept_as.get(column, column)


def _texts(names: str) -> dict[str, Kind]:
    return dict.fromkeys(names.split(), Kind.TEXT)


OURS: Mapping[str, Mapping[str, Kind]] = {  # columns of our profile
    "organization": {"confidential": Kind.FLAG},
    "location": {"confidential": Kind.FLAG},
    "service": {
        "confidential": Kind.FLAG,
        "victimization_types": Kind.LIST,
        "safe_contact_notes": Kind.TEXT,
        "intake_paused": Kind.FLAG,
        "intake_paused_until": Kind.MOMENT,
    },
    "schedule": {"time_zone": Kind.TEXT},
}

TABLES: Mapping[str, Table] = {
    "taxonomy": Table(
        m.Taxonomy,
        {**_texts("name description"), "uri": Kind.URL, "version": Kind.TEXT},
        required=frozenset({"name"}),
        shown=frozenset({"description"}),
    ),
    "taxonomy_term": Table(
        m.TaxonomyTerm,
        {**_texts("code name description taxonomy language"), "term_uri": Kind.URL},
        {"parent_id": "taxonomy_term", "taxonomy_id": "taxonomy"},
        frozenset({"name"}),
        {"taxonomy": "taxonomy_name"},
        shown=frozenset({"description"}),
    ),
    "organization": Table(
        m.Organization,
        {
            **_texts("name alternate_name description"),
            "email": Kind.EMAIL,
            "website": Kind.URL,
            **_texts("tax_status tax_id"),
            "year_incorporated": Kind.WHOLE,
            **_texts("legal_status"),
            "logo": Kind.URL,
            "uri": Kind.URL,
            **OURS["organization"],
        },
        {"parent_organization_id": "organization"},
        frozenset({"name"}),
        shown=frozenset({"description"}),
    ),
    "program": Table(
        m.Program,
        _texts("name alternate_name description"),
        {"organization_id": "organization"},
        frozenset({"name", "organization_id"}),
        shown=frozenset({"description"}),
    ),
    "location": Table(
        m.Location,
        {
            "location_type": Kind.PLACE,
            "url": Kind.URL,
            **_texts("name alternate_name description transportation"),
            "latitude": Kind.NUMBER,
            "longitude": Kind.NUMBER,
            **_texts("external_identifier external_identifier_type"),
            **OURS["location"],
        },
        {"organization_id": "organization"},
    ),
    "service": Table(
        m.Service,
        {
            **_texts("name alternate_name description"),
            "url": Kind.URL,
            "email": Kind.EMAIL,
            "status": Kind.STATUS,
            **_texts("interpretation_services application_process fees_description wait_time"),
            **_texts("fees accreditations eligibility_description"),
            "minimum_age": Kind.NUMBER,
            "maximum_age": Kind.NUMBER,
            "assured_date": Kind.DATE,
            "assurer_email": Kind.EMAIL,
            **_texts("licenses alert"),
            "last_modified": Kind.MOMENT,
            **OURS["service"],
        },
        {"organization_id": "organization", "program_id": "program"},
        frozenset({"name", "organization_id"}),
    ),
    "service_at_location": Table(
        m.ServiceAtLocation,
        _texts("description"),
        {"service_id": "service", "location_id": "location"},
        frozenset({"service_id", "location_id"}),
    ),
    "contact": Table(
        m.Contact,
        {**_texts("name title department"), "email": Kind.EMAIL},
        {
            "organization_id": "organization",
            "service_id": "service",
            "service_at_location_id": "service_at_location",
            "location_id": "location",
        },
    ),
    "phone": Table(
        m.Phone,
        {"number": Kind.PHONE, "extension": Kind.EXTENSION, **_texts("type description")},
        {
            "location_id": "location",
            "service_id": "service",
            "organization_id": "organization",
            "contact_id": "contact",
            "service_at_location_id": "service_at_location",
        },
        frozenset({"number"}),
    ),
    "address": Table(
        m.Address,
        {
            **_texts("attention address_1 address_2 city region state_province postal_code"),
            "country": Kind.TEXT,
            "address_type": Kind.PLACE,
        },
        {"location_id": "location"},
        frozenset({"location_id", "address_1", "city", "state_province", "postal_code", "country"}),
    ),
    "schedule": Table(
        m.Schedule,
        {
            "valid_from": Kind.DATE,
            "valid_to": Kind.DATE,
            "dtstart": Kind.DATE,
            "timezone": Kind.NUMBER,
            "until": Kind.DATE,
            "count": Kind.WHOLE,
            "wkst": Kind.WEEKDAYS,
            "freq": Kind.FREQUENCY,
            "interval": Kind.WHOLE,
            **_texts("byday byweekno bymonthday byyearday description"),
            "opens_at": Kind.TIME,
            "closes_at": Kind.TIME,
            "schedule_link": Kind.URL,
            **_texts("attending_type notes"),
            **OURS["schedule"],
        },
        {
            "service_id": "service",
            "location_id": "location",
            "service_at_location_id": "service_at_location",
        },
    ),
    "funding": Table(
        m.Funding,
        _texts("source"),
        {"organization_id": "organization", "service_id": "service"},
        kept_as={"source": "funding_source"},
    ),
    "service_area": Table(
        m.ServiceArea,
        _texts("name description extent extent_type uri"),
        {"service_id": "service", "service_at_location_id": "service_at_location"},
    ),
    "required_document": Table(
        m.RequiredDocument,
        {"document": Kind.TEXT, "uri": Kind.URL},
        {"service_id": "service"},
        frozenset({"service_id"}),
    ),
    "language": Table(
        m.Language,
        _texts("name code note"),
        {"service_id": "service", "location_id": "location", "phone_id": "phone"},
    ),
    "accessibility": Table(
        m.Accessibility,
        {**_texts("description details"), "url": Kind.URL},
        {"location_id": "location"},
        frozenset({"location_id"}),
    ),
    "cost_option": Table(
        m.CostOption,
        {
            "valid_from": Kind.DATE,
            "valid_to": Kind.DATE,
            **_texts("option currency"),
            "amount": Kind.AMOUNT,
            **_texts("amount_description"),
        },
        {"service_id": "service"},
        frozenset({"service_id"}),
    ),
    "organization_identifier": Table(
        m.OrganizationIdentifier,
        _texts("identifier_scheme identifier_type identifier"),
        {"organization_id": "organization"},
        frozenset({"organization_id", "identifier_type", "identifier"}),
    ),
    "url": Table(
        m.Url,
        {"label": Kind.TEXT, "url": Kind.URL},
        {"organization_id": "organization", "service_id": "service"},
        frozenset({"url"}),
    ),
    "holiday_schedule": Table(  # ours, and from HSDS 1.1
        m.HolidaySchedule,
        {
            "start_date": Kind.DATE,
            "end_date": Kind.DATE,
            "closed": Kind.FLAG,
            "opens_at": Kind.TIME,
            "closes_at": Kind.TIME,
            "description": Kind.TEXT,
        },
        {
            "service_id": "service",
            "location_id": "location",
            "service_at_location_id": "service_at_location",
        },
        frozenset({"start_date", "end_date"}),
    ),
    "unit": Table(
        m.Unit,
        {**_texts("name scheme identifier"), "uri": Kind.URL},
        required=frozenset({"name"}),
    ),
    "service_capacity": Table(
        m.ServiceCapacity,
        {
            "available": Kind.NUMBER,
            "maximum": Kind.NUMBER,
            "description": Kind.TEXT,
            "updated": Kind.MOMENT,
        },
        {"service_id": "service", "unit_id": "unit"},
        frozenset({"service_id", "unit_id", "available"}),
    ),
    "attribute": Table(
        m.Attribute,
        _texts("link_type link_entity value label"),
        {"taxonomy_term_id": "taxonomy_term"},
    ),
    "metadata": Table(
        m.Metadata,
        {
            "resource_type": Kind.TEXT,
            "last_action_date": Kind.DATE,
            **_texts("last_action_type field_name previous_value replacement_value updated_by"),
        },
        shown=frozenset(
            {"last_action_type", "field_name", "previous_value", "replacement_value", "updated_by"}
        ),
    ),
    "meta_table_description": Table(m.MetaTableDescription, _texts("name language character_set")),
}

# The lists in the standard's documents: member → (table, its column that names the parent).
# `attributes` and `metadata` may belong to any row and are not listed here.
LISTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "organization": {
        "additional_websites": ("url", "organization_id"),
        "funding": ("funding", "organization_id"),
        "contacts": ("contact", "organization_id"),
        "phones": ("phone", "organization_id"),
        "locations": ("location", "organization_id"),
        "programs": ("program", "organization_id"),
        "organization_identifiers": ("organization_identifier", "organization_id"),
        "services": ("service", "organization_id"),
    },
    "service": {
        "additional_urls": ("url", "service_id"),
        "phones": ("phone", "service_id"),
        "schedules": ("schedule", "service_id"),
        "holiday_schedules": ("holiday_schedule", "service_id"),
        "service_areas": ("service_area", "service_id"),
        "service_at_locations": ("service_at_location", "service_id"),
        "languages": ("language", "service_id"),
        "funding": ("funding", "service_id"),
        "cost_options": ("cost_option", "service_id"),
        "required_documents": ("required_document", "service_id"),
        "contacts": ("contact", "service_id"),
        "capacities": ("service_capacity", "service_id"),
    },
    "service_at_location": {
        "service_areas": ("service_area", "service_at_location_id"),
        "contacts": ("contact", "service_at_location_id"),
        "phones": ("phone", "service_at_location_id"),
        "schedules": ("schedule", "service_at_location_id"),
        "holiday_schedules": ("holiday_schedule", "service_at_location_id"),
    },
    "location": {
        "languages": ("language", "location_id"),
        "addresses": ("address", "location_id"),
        "contacts": ("contact", "location_id"),
        "accessibility": ("accessibility", "location_id"),
        "phones": ("phone", "location_id"),
        "schedules": ("schedule", "location_id"),
        "holiday_schedules": ("holiday_schedule", "location_id"),
    },
    "contact": {"phones": ("phone", "contact_id")},
    "phone": {"languages": ("language", "phone_id")},
}
# Members that hold one document: member → (table, our column that names it).
ONES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "service": {
        "organization": ("organization", "organization_id"),
        "program": ("program", "program_id"),
    },
    "service_at_location": {
        "service": ("service", "service_id"),
        "location": ("location", "location_id"),
    },
    "service_capacity": {"unit": ("unit", "unit_id")},
    "attribute": {"taxonomy_term": ("taxonomy_term", "taxonomy_term_id")},
    "taxonomy_term": {"taxonomy_detail": ("taxonomy", "taxonomy_id")},
}

# Columns that show where a place is: removed if the place is, or may be, confidential (R4).
WHEREABOUTS: Mapping[str, frozenset[str]] = {
    "location": frozenset(
        {"latitude", "longitude", "transportation", "external_identifier", "url"}
    ),
    "address": frozenset({"attention", "address_1", "address_2", "postal_code"}),
}
