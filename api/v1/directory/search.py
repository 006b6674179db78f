"""The directory as an HSDS 3.2 API: its root, the five lists with their searches, the details.

No token is needed here (T0); with one the network's confidential entries are included (T1).
Documents come rendered from the database and are passed on as they are. The shapes in
api/v1/directory/schemas.py describe them for the contract, and a test compares the two. Writing is
in api/v1/directory/editing.py.
"""

import json
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from api.v1.directory import maps, parameters
from api.v1.directory import schemas as shapes
from api.v1.directory.answers import (
    ANYBODY,
    NOT_THERE,
    PLAIN,
    REFUSALS,
    List,
    asked_of,
    contract,
    detail,
    entry,
    envelope,
    read,
    shown,
)
from api.v1.directory.editing import OrganizationEditing, ServiceEditing
from api.v1.directory.parameters import Parameters, documented
from directory.hsds import profile
from directory.safety_lines import safety_lines, safety_notice
from directory.search import matches, retrieval, unmet_searches
from directory.search.documents import compose
from directory.search.query import SearchQuery
from openapi.schema import UNSIGNED
from permissions.database.db_identity import identified_transaction


class DirectoryRoot(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory",
        auth=UNSIGNED,
        responses={200: shapes.DirectoryOut, **REFUSALS},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read which standard and profile this directory follows, and the safety lines."""
        base = settings.BASE_URL.rstrip("/")
        root = {
            "version": profile.HSDS_VERSION,
            "profile": f"{base}/v1/directory/profile",
            "profile_name": profile.NAME,
            "openapi_url": f"{base}{reverse('directory_schema')}",
            "description": "Services for victims of crime, and the numbers to call first.",
            "data_guide": f"{base}/directory/guide",
            "safety_notice": safety_notice(),
            "safety_lines": safety_lines(),
        }
        return self.answer(shapes.DirectoryOut, root)


# -- Lists -----------------------------------------------------------------------------------------


class _Entries(List):
    """Services, or services at their places."""

    def search(self, given: Parameters) -> HttpResponseBase:
        shape = "full" if given.flag("full") else "item"
        if given.flag("minimal"):
            shape = "minimal"
        page, per_page, area = given.page, given.per_page, given.words("postcode")
        who, counts = self.principal, given.flag("facets")

        def ask(using: str, now: datetime) -> tuple[SearchQuery, matches.Matches | None, Any]:
            asked = given.asked(now)
            if given.format == "ndjson":
                return asked, None, None
            found = matches.find(
                *(who, asked),
                kind=self.kind,
                shape=shape,
                page=page,
                per_page=per_page,
                using=using,
            )
            counted = matches.facets(who, asked, found.reading, using) if counts else None
            return asked, found, counted

        asked, found, counted = read(who, ask)
        if found is None:
            return self.streamed(asked, shape, given)
        if given.format == "geojson":
            return maps.answer(found, given)
        in_vain = found.lacks_words or not found.total
        if page == 1 and unmet_searches.is_counted(asked, in_vain):
            with identified_transaction(who):  # a standby counts nothing
                unmet_searches.record_unmet_search(who, asked, area, in_vain=in_vain)
        show = shown(self.kind, given)
        contents = [orjson.Fragment(show(_item(self.kind, shape, hit))) for hit in found.hits]
        body = envelope(found, contents, given)
        return Answer(body if counted is None else body | {"facets": counted})


def _item(kind: str, shape: str, hit: matches.Hit) -> str:
    document = compose(kind, shape, hit.parts)
    if hit.metres is not None:
        document = f'{document[:-1]},"distance":{round(hit.metres)}}}'
    if hit.middle_of:
        document = f'{document[:-1]},"somewhere_in":{json.dumps(hit.middle_of)}}}'
    return document


@contract(
    "directory_services",
    parameters.SERVICES,
    shapes.DirectoryServicePageOut,
    "Services that are open, by name; with `search` best match first, with a place nearest first.",
)
class ServiceList(_Entries):
    kind = "service"
    query = parameters.SERVICES


@contract(
    "directory_service_at_locations",
    parameters.PLACES,
    shapes.DirectoryPlacePageOut,
    "Services at their places.",
    {(200, maps.GEOJSON): maps.DirectoryMapOut},
)
class PlaceList(_Entries):
    kind = "service_at_location"
    query = parameters.PLACES


@contract(
    "directory_organizations",
    parameters.ORGANIZATIONS,
    shapes.DirectoryOrganizationPageOut,
    "Organizations by name.",
)
class OrganizationList(List):
    kind = "organization"
    query = parameters.ORGANIZATIONS

    def search(self, given: Parameters) -> HttpResponseBase:
        shape = "full" if given.flag("full") else "item"
        if given.flag("full_service"):
            shape = "full_service"
        asked, per_page = given.of_organizations(), given.per_page
        return self.paged(
            lambda page, using: retrieval.organizations(
                self.principal, asked, shape, page, per_page, using
            ),
            given,
        )


class _Vocabulary(List):
    def search(self, given: Parameters) -> HttpResponseBase:
        fetch = partial(
            retrieval.vocabulary,
            self.kind,
            words=given.words("search"),
            taxonomy_id=given.uuid("taxonomy_id"),
            parent_id=given.uuid("parent_id"),
            top_only=given.flag("top_only"),
            per_page=given.per_page,
        )
        return self.paged(lambda page, using: fetch(page=page, using=using), given)


@contract(
    "directory_taxonomies",
    parameters.TAXONOMIES,
    shapes.DirectoryTaxonomyPageOut,
    "Taxonomies by name.",
)
class TaxonomyList(_Vocabulary):
    kind = "taxonomy"
    query = parameters.TAXONOMIES


@contract(
    "directory_taxonomy_terms",
    parameters.TERMS,
    shapes.DirectoryTermPageOut,
    "Taxonomy terms by name.",
)
class TermList(_Vocabulary):
    kind = "taxonomy_term"
    query = parameters.TERMS


# -- Details --------------------------------------------------------------------------------------


class ServiceDetail(ServiceEditing):
    query = PLAIN

    @extend_schema(
        operation_id="directory_service",
        auth=ANYBODY,
        parameters=documented(PLAIN),
        responses={200: shapes.DirectoryServiceDetailOut, **NOT_THERE},
    )
    def get(self, request: HttpRequest, service_id: UUID) -> HttpResponse:
        """Read one service with all related rows, whatever its status."""
        return entry(self, "service", service_id)


class PlaceDetail(Endpoint):
    public = True
    query = PLAIN

    @extend_schema(
        operation_id="directory_service_at_location",
        auth=ANYBODY,
        parameters=documented(PLAIN),
        responses={200: shapes.DirectoryPlaceDetailOut, **NOT_THERE},
    )
    def get(self, request: HttpRequest, place_id: UUID) -> HttpResponse:
        """Read one service at one of its places, with all related rows of both."""
        return entry(self, "service_at_location", place_id)


class OrganizationDetail(OrganizationEditing):
    query = ("full_service", *PLAIN)

    @extend_schema(
        operation_id="directory_organization",
        auth=ANYBODY,
        parameters=documented(("full_service", *PLAIN)),
        responses={200: shapes.DirectoryOrganizationDetailOut, **NOT_THERE},
    )
    def get(self, request: HttpRequest, organization_id: UUID) -> HttpResponse:
        """Read one organization with all of its own rows, and its services."""
        given = asked_of(self)
        who, one, full = self.principal, organization_id, given.flag("full_service")
        return detail(
            read(who, lambda using, _now: retrieval.organization(who, one, full, using)),
            shown("organization", given),
        )


class _Word(Endpoint):
    public = True
    query = PLAIN
    kind: ClassVar[str]

    def one(self, row_id: UUID) -> HttpResponse:
        given = asked_of(self)
        found = read(
            self.principal,
            lambda using, _now: retrieval.vocabulary(
                self.kind, row_id=row_id, per_page=1, using=using
            ),
        )
        return detail(found.contents[0] if found.contents else None, shown(self.kind, given))


class TaxonomyDetail(_Word):
    kind = "taxonomy"

    @extend_schema(
        operation_id="directory_taxonomy",
        auth=ANYBODY,
        parameters=documented(PLAIN),
        responses={200: shapes.DirectoryTaxonomyOut, **NOT_THERE},
    )
    def get(self, request: HttpRequest, taxonomy_id: UUID) -> HttpResponse:
        """Read one taxonomy."""
        return self.one(taxonomy_id)


class TermDetail(_Word):
    kind = "taxonomy_term"

    @extend_schema(
        operation_id="directory_taxonomy_term",
        auth=ANYBODY,
        parameters=documented(PLAIN),
        responses={200: shapes.DirectoryTermOut, **NOT_THERE},
    )
    def get(self, request: HttpRequest, term_id: UUID) -> HttpResponse:
        """Read one taxonomy term."""
        return self.one(term_id)
