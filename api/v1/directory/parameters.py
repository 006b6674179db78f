"""The parameters of the directory's lists, read from the query or, in a search by POST, from the
body.

POST keeps what a victim looks for out of the logs of URLs; otherwise the two are the same.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from api.http.endpoints import uuid_parameter
from api.http.fields import moment_of
from directory.facets import ACCESS
from directory.postcodes import Point, point_of, postcode
from directory.projection.opening_hours import AHEAD_DAYS
from directory.search.matches import MOST_PER_PAGE, PER_PAGE
from directory.search.query import METRES, SearchQuery
from directory.vocabulary import VICTIMIZATION_TYPES
from permissions.errors import BadRequest
from permissions.models import AGENCY_KINDS

MOST_PAGES = 1_000_000
MOST_CHARACTERS = 200  # of search words
YES, NO = ("true", "1"), ("false", "0")
KNOWN = f"Hours are known from yesterday to {AHEAD_DAYS} days ahead. For another day, call."


# What a value must lie between, and how many characters it may have.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "page": (1, MOST_PAGES),
    "per_page": (1, MOST_PER_PAGE),
    "age": (0, 150),
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "radius": METRES,
    "proximity": METRES,
}
LENGTHS = {"search": MOST_CHARACTERS, "served": 60, "language": 3, "postcode": 12}
LENGTHS |= {"needs": 2000, "accessibility": 2000}
TYPES = {int: "integer", float: "number", str: "string"}
FORMATS = ("json", "ndjson")
MAPPED = (*FORMATS, "geojson")  # of a list of places


def _parameter(name: str, kind: Any, description: str, **more: Any) -> OpenApiParameter:
    shape = {}
    if name in BOUNDS:
        least, most = BOUNDS[name]
        shape = {"type": TYPES[kind], "minimum": least, "maximum": most}
    elif name in LENGTHS:
        shape = {"type": TYPES[kind], "maxLength": LENGTHS[name]}
    return OpenApiParameter(name, shape or kind, description=description, **more)


DOCUMENTED = {
    one.name: one
    for one in (
        _parameter("search", str, "Words or a question, English or Spanish; typos are forgiven."),
        _parameter("page", int, "From 1."),
        _parameter("per_page", int, "1 to 100; 20 if not said."),
        _parameter(
            "format",
            str,
            "`ndjson`: all results, one JSON document a line, in the order of ids.",
            enum=FORMATS,
        ),
        _parameter("taxonomy_term_id", OpenApiTypes.UUID, "The term or any below it."),
        _parameter("taxonomy_id", OpenApiTypes.UUID, "Any term of this taxonomy."),
        _parameter("organization_id", OpenApiTypes.UUID, "The organization that provides it."),
        _parameter("modified_after", OpenApiTypes.DATETIME, "Inclusive (RFC 3339, or a date)."),
        _parameter("minimal", bool, "Only `id` and `modified_date`."),
        _parameter("full", bool, "Everything that belongs to each, nested."),
        _parameter("full_service", bool, "Organizations with their services in full."),
        _parameter(
            "plain",
            bool,
            "Only what HSDS itself has: without the members of our profile, and for every caller"
            " only what is public. Go by `last_page`: nothing says that counting stopped.",
        ),
        _parameter("postcode", str, "In a service area or an address; with `proximity`: near it."),
        _parameter("proximity", float, "Meters from `postcode` or from a point; nearest first."),
        _parameter("top_only", bool, "Only terms without a parent."),
        _parameter("parent_id", OpenApiTypes.UUID, "Only terms right under this one."),
        # Of the victim services profile
        _parameter("needs", str, "UUIDs of taxonomy terms, by commas: all have to be there."),
        _parameter(
            "victimization_type",
            str,
            "A code of ours: that kind or a narrower one.",
            enum=list(VICTIMIZATION_TYPES),
        ),
        _parameter("age", float, "Years: within the service's ages."),
        _parameter("served", str, "The people it is for: a code of the taxonomy, such as `women`."),
        _parameter("language", str, "ISO 639 code, such as `es`."),
        _parameter("accessibility", str, f"By commas, all have to be there: {', '.join(ACCESS)}."),
        _parameter("cost", str, "`free`.", enum=["free"]),
        _parameter("open_at", str, f"`now`, or a moment (RFC 3339) until {AHEAD_DAYS} days ahead."),
        _parameter(
            "answered",
            str,
            "`here`: an agency of the network takes referrals; `phone_only`: call it.",
            enum=["here", "phone_only"],
        ),
        _parameter("answered_by", OpenApiTypes.UUID, "The agency that takes referrals."),
        _parameter("kind", str, "The kind of that agency.", enum=list(AGENCY_KINDS)),
        _parameter("intake", str, "`taking`: neither paused, full nor unknown.", enum=["taking"]),
        _parameter("interpreter", bool, "Interpreting is there."),
        _parameter("latitude", float, "Degrees; with `longitude`: nearest first."),
        _parameter("longitude", float, "Degrees."),
        _parameter("radius", float, "Meters around the point; the same as `proximity`."),
        _parameter("facets", bool, "How many of the matches have what."),
    )
}
PAGING = ("search", "page", "per_page", "format", "plain")
OURS = (
    *("needs", "victimization_type", "age", "served", "language", "accessibility", "cost"),
    *("open_at", "answered", "answered_by", "kind", "intake", "interpreter"),
    *("latitude", "longitude", "radius", "postcode", "proximity"),
)
SERVICES = (
    *PAGING,
    *("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "minimal", "full"),
    *OURS,
    "facets",
)
PLACES = (
    *PAGING,
    *("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "full"),
    *OURS,
)
ORGANIZATIONS = (*PAGING, "taxonomy_term_id", "taxonomy_id", "full", "full_service")
TAXONOMIES = PAGING
TERMS = (*PAGING, "taxonomy_id", "top_only", "parent_id")


_OF_PLACES = _parameter(
    "format",
    str,
    "`ndjson`: all results, one JSON document a line, in the order of ids. `geojson`: a page as a"
    " FeatureCollection, of the places that have coordinates; without `full` and `plain`.",
    enum=MAPPED,
)


def documented(names: Sequence[str]) -> list[OpenApiParameter]:
    own = {"format": _OF_PLACES} if names is PLACES else {}
    return [own.get(name, DOCUMENTED[name]) for name in names]


def searched(name: str, names: Sequence[str]) -> serializers.Serializer:
    """Build the body of a search: the same parameters as members of an object."""
    shape = inline_serializer(
        "".join(part.title() for part in f"{name}_search_in".split("_")),
        {one.name: _member(one) for one in documented(names)},
    )
    shape.closed = True  # type: ignore[attr-defined]  # as of Shape
    return shape


def _member(parameter: OpenApiParameter) -> serializers.Field:
    fields: dict[Any, type[serializers.Field]] = {
        str: serializers.CharField,
        "string": serializers.CharField,
        int: serializers.IntegerField,
        "integer": serializers.IntegerField,
        float: serializers.FloatField,
        "number": serializers.FloatField,
        bool: serializers.BooleanField,
        OpenApiTypes.UUID: serializers.UUIDField,
        OpenApiTypes.DATETIME: serializers.DateTimeField,
    }
    options: dict[str, Any] = {"required": False, "help_text": parameter.description}
    if parameter.enum:
        return serializers.ChoiceField(list(parameter.enum), **options)
    kind = parameter.type
    if isinstance(kind, dict):
        known = {"minimum": "min_value", "maximum": "max_value", "maxLength": "max_length"}
        options |= {known[key]: value for key, value in kind.items() if key in known}
        kind = kind["type"]
    return fields[kind](**options)


def read_parameters(
    query: QueryDict, names: Sequence[str], body: Mapping[str, Any] | None = None
) -> "Parameters":
    """Read what a request asks, in its query and in the body of a search. Raises BadRequest for a
    name in the body that is not in `names` or is also in the query."""
    texts: dict[str, Any] = query.dict()
    for name, value in (body or {}).items():
        if name not in names:
            # What a person meant to look for is not repeated, not even as a name.
            raise BadRequest("unknown_field", "This list has no such parameter.")
        if name in texts:
            raise BadRequest(
                "repeated_parameter", "A parameter was given more than once.", f"/{name}"
            )
        texts[name] = _text(name, value)
    return Parameters(texts, MAPPED if names is PLACES else FORMATS)


def _text(name: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(one, str) for one in value):
            return ",".join(value)
    raise BadRequest("invalid", "Enter a text, a number, true or false.", f"/{name}")


class Parameters:
    """Parameters as text, each read as its type. Each reader raises BadRequest."""

    def __init__(self, texts: Mapping[str, str], formats: Sequence[str] = FORMATS) -> None:
        self.texts, self.formats = texts, formats

    def words(self, name: str) -> str:
        text, most = self.texts.get(name, ""), LENGTHS[name]
        if len(text) > most:
            raise BadRequest("invalid", f"Enter at most {most} characters.", name)
        return text.strip()

    def flag(self, name: str) -> bool:
        text = self.texts.get(name, "false").lower()
        if text not in (*YES, *NO):
            raise BadRequest("invalid", "Enter true or false.", name)
        return text in YES

    def whole(self, name: str, default: int) -> int:
        text, most = self.texts.get(name), int(BOUNDS[name][1])
        if text is None:
            return default
        if not (re.fullmatch(r"\d{1,9}", text, re.ASCII) and 1 <= int(text) <= most):
            raise BadRequest("invalid", f"Enter a whole number from 1 to {most}.", name)
        return int(text)

    def number(self, name: str) -> float | None:
        text, (least, most) = self.texts.get(name), BOUNDS[name]
        if text is None:
            return None
        is_one = re.fullmatch(r"[-+]?\d{1,9}(\.\d{1,15})?", text, re.ASCII)
        if not (is_one and least <= float(text) <= most):
            raise BadRequest("invalid", f"Enter a number from {least} to {most}.", name)
        return float(text)

    def uuid(self, name: str) -> UUID | None:
        return uuid_parameter(self.texts.get(name), name)

    def one_of(self, name: str, known: Sequence[str]) -> str:
        text = self.texts.get(name, "")
        if text and text not in known:
            raise BadRequest("invalid", f"Enter one of {', '.join(known)}.", name)
        return text

    def several(self, name: str) -> list[str]:
        parts = [part.strip() for part in self.words(name).split(",")]
        return [part for part in parts if part]

    def moment(self, name: str) -> datetime | None:
        """Read a moment with its zone. A date alone, as the standard allows, is its beginning in
        UTC."""
        text = self.texts.get(name)
        if not text:
            return None
        found = moment_of(text) or moment_of(f"{text}T00:00:00Z")
        if found is None:
            raise BadRequest("invalid", "Enter a time with its time zone.", name)
        return found

    # -- Combined

    @property
    def page(self) -> int:
        return self.whole("page", 1)

    @property
    def per_page(self) -> int:
        return self.whole("per_page", PER_PAGE)

    @property
    def format(self) -> str:
        return self.one_of("format", self.formats) or "json"

    @property
    def plain(self) -> bool:
        return self.flag("plain")

    def of_organizations(self) -> SearchQuery:
        term = self.uuid("taxonomy_term_id")
        return SearchQuery(
            words=self.words("search"),
            needs=(term,) if term else (),
            taxonomy_id=self.uuid("taxonomy_id"),
        )

    def asked(self, now: datetime) -> SearchQuery:
        """Build the whole query. `now` is the database's clock. Call it inside the transaction of
        the search, because it looks up a postcode."""
        accessibility = self.several("accessibility")
        if not set(accessibility) <= set(ACCESS):
            detail = f"Enter one or more of {', '.join(ACCESS)}, separated by commas."
            raise BadRequest("invalid", detail, "accessibility")
        needs = [uuid_parameter(one, "needs") for one in self.several("needs")]
        term = self.uuid("taxonomy_term_id")
        radius = self.number("radius") or self.number("proximity")
        code = postcode(self.words("postcode"))
        near = self._point(code if radius else "")
        if radius and near is None:
            raise BadRequest("invalid", "Enter a postcode, or latitude and longitude.")
        return SearchQuery(
            words=self.words("search"),
            needs=tuple(one for one in (term, *needs) if one),
            taxonomy_id=self.uuid("taxonomy_id"),
            organization_id=self.uuid("organization_id"),
            modified_after=self.moment("modified_after"),
            victimization_type=self.one_of("victimization_type", VICTIMIZATION_TYPES),
            age=self.number("age"),
            served=self.words("served"),
            language=self.words("language").lower(),
            accessibility=tuple(accessibility),
            free=bool(self.one_of("cost", ("free",))),
            open_at=self._opening(now),
            answered={"here": True, "phone_only": False}.get(
                self.one_of("answered", ("here", "phone_only"))
            ),
            answered_by=self.uuid("answered_by"),
            kind=self.one_of("kind", AGENCY_KINDS),
            taking=bool(self.one_of("intake", ("taking",))),
            interpreter=self.flag("interpreter"),
            postcode="" if radius else code,
            near=near,
            radius=radius,
            on_map=self.format == "geojson",
        )

    def _opening(self, now: datetime) -> datetime | None:
        """Read `open_at`. No hours are known for other days, and finding that out would read
        everything that matches the words."""
        found = now if self.texts.get("open_at") == "now" else self.moment("open_at")
        if found and not now - timedelta(1) <= found <= now + timedelta(AHEAD_DAYS):
            raise BadRequest("invalid", KNOWN, "open_at")
        return found

    def _point(self, code: str) -> Point | None:
        latitude = self.number("latitude")
        longitude = self.number("longitude")
        if latitude is not None and longitude is not None:
            return Point(latitude, longitude)
        if latitude is not None or longitude is not None:
            raise BadRequest("invalid", "Enter both latitude and longitude.", "latitude")
        if not code:
            return None
        found = point_of(code)
        if found is None:
            raise BadRequest(
                "unknown_postcode",
                "This postcode is unknown. Enter another, or latitude and longitude.",
                "postcode",
            )
        return found
