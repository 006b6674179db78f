"""The directory as an HSDS 3.2 API: its root, the five lists with their searches, the details.

Nobody needs a token here (T0); with one the network's confidential entries are there too (T1).
Documents come rendered from the database and are passed on as they are: the shapes in
api/v1/directory_shapes.py describe them for the contract, and a test holds the two against each
other. Writing stands in api/v1/directory_editing.py.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.v1 import directory_parameters as parameters
from api.v1 import directory_shapes as shapes
from api.v1.directory_editing import OrganizationEditing, ServiceEditing
from api.v1.directory_parameters import Given, documented, given
from api.views import Endpoint
from directory import finding, gaps, reads
from directory.asked import Asked
from directory.safety import safety_lines, safety_notice
from directory.shapes import compose
from permissions.errors import NotVisible
from permissions.session import begin

HSDS_VERSION = "3.2.3"
NDJSON = "application/x-ndjson"
_ANYBODY: Any = [{}, {"oauth2": ["directory:read"]}]


class DirectoryRoot(Endpoint):
    public = True

    @extend_schema(operation_id="directory", auth=[{}], responses=shapes.DirectoryOut)
    def get(self, request: Request) -> Response:
        """What this directory speaks, and the safety lines."""
        base = settings.BASE_URL.rstrip("/")
        root = {
            "version": HSDS_VERSION,
            "profile": f"{base}/v1/directory/profile",
            "profile_name": "victim services",
            "openapi_url": f"{base}{reverse('schema')}",
            "description": "Services for victims of crime, and where to ring first.",
            "data_guide": f"{base}/directory/guide",
            "safety_notice": safety_notice(),
            "safety_lines": safety_lines(),
        }
        return self.answer(shapes.DirectoryOut, root)


# -- Lists ----------------------------------------------------------------------------------------


class _List(Endpoint):
    """A list and, by POST, the same search with its parameters in the body."""

    public = True
    names: ClassVar[Sequence[str]]

    def get(self, request: Request) -> HttpResponse:
        return self.search(given(request, self.names))

    def post(self, request: Request) -> HttpResponse:
        return self.search(given(request, self.names))

    def search(self, asked: Given) -> HttpResponse:
        raise NotImplementedError

    def streamed(self, asked: Asked, kind: str, shape: str) -> HttpResponse:
        """All that fits, a few hundred a transaction, so that no connection is held for long."""

        def lines() -> Iterator[bytes]:
            after: UUID | None = None
            while True:
                with begin(self.principal):
                    documents, after = reads.some(self.principal, asked, kind, shape, after)
                yield "".join(f"{one}\n" for one in documents).encode()
                if after is None:
                    return

        return StreamingHttpResponse(lines(), content_type=NDJSON)

    def paged(self, fetch: Callable[[int], reads.Documents], given: Given) -> HttpResponse:
        """One page of what `fetch` gives, or all its pages as lines."""
        if not given.streams:
            with begin(self.principal):
                return Response(_envelope(fetch(given.page)))

        def lines() -> Iterator[bytes]:
            page, last = 1, False
            while not last:
                with begin(self.principal):
                    found = fetch(page)
                yield "".join(f"{one}\n" for one in found.contents).encode()
                page, last = page + 1, found.last

        return StreamingHttpResponse(lines(), content_type=NDJSON)


def _envelope(found: reads.Documents | finding.Found, contents: Any = None) -> dict[str, Any]:
    """The standard's page, flat."""
    if contents is None:
        assert isinstance(found, reads.Documents)
        contents = [orjson.Fragment(one) for one in found.contents]
    page = {
        "total_items": found.total,
        "total_pages": found.total_pages,
        "page_number": found.page,
        "size": len(contents),
        "first_page": found.page == 1,
        "last_page": found.last,
        "empty": not contents,
        "contents": contents,
    }
    return page | ({"total_items_capped": True} if found.capped else {})


class _Entries(_List):
    """Services, or services at their places."""

    kind: ClassVar[str]

    def search(self, given: Given) -> HttpResponse:
        shape = "full" if given.flag("full") else "item"
        if given.flag("minimal"):
            shape = "minimal"
        with begin(self.principal) as now:
            asked = given.asked(now)
            if given.streams:
                return self.streamed(asked, self.kind, shape)
            found = finding.find(
                self.principal,
                asked,
                kind=self.kind,
                shape=shape,
                page=given.page,
                per_page=given.per_page,
            )
            counted = finding.facets(self.principal, asked) if given.flag("facets") else None
            if not found.total and given.page == 1:
                gaps.keep_unmet(asked, given.words("postcode", 12))
        page = _envelope(found, [_item(self.kind, shape, hit) for hit in found.hits])
        return Response(page if counted is None else page | {"facets": counted})


def _item(kind: str, shape: str, hit: finding.Hit) -> orjson.Fragment:
    document = compose(kind, shape, hit.parts)
    if shape == "minimal":
        document = f'{{"id":"{hit.id}",{document}}}'
    if hit.metres is not None:
        document = f'{document[:-1]},"distance":{round(hit.metres)}}}'
    return orjson.Fragment(document)


class ServiceList(_Entries):
    kind = "service"
    names = query = parameters.SERVICES

    @extend_schema(
        operation_id="directory_services",
        auth=_ANYBODY,
        parameters=documented(parameters.SERVICES),
        responses=shapes.DirectoryServicePageOut,
    )
    def get(self, request: Request) -> HttpResponse:
        """Services that are open, by name; with `search` best match first, with a place nearest
        first."""
        return super().get(request)

    @extend_schema(
        operation_id="directory_services_search",
        auth=_ANYBODY,
        request=shapes.DirectorySearchIn,
        responses=shapes.DirectoryServicePageOut,
    )
    def post(self, request: Request) -> HttpResponse:
        """The same with the parameters in the body, which no log of URLs holds."""
        return super().post(request)


class PlaceList(_Entries):
    kind = "service_at_location"
    names = query = parameters.PLACES

    @extend_schema(
        operation_id="directory_service_at_locations",
        auth=_ANYBODY,
        parameters=documented(parameters.PLACES),
        responses=shapes.DirectoryPlacePageOut,
    )
    def get(self, request: Request) -> HttpResponse:
        """Services at their places."""
        return super().get(request)

    @extend_schema(
        operation_id="directory_service_at_locations_search",
        auth=_ANYBODY,
        request=shapes.DirectorySearchIn,
        responses=shapes.DirectoryPlacePageOut,
    )
    def post(self, request: Request) -> HttpResponse:
        """The same with the parameters in the body."""
        return super().post(request)


class OrganizationList(_List):
    names = query = parameters.ORGANIZATIONS

    def search(self, given: Given) -> HttpResponse:
        shape = "full" if given.flag("full") else "item"
        if given.flag("full_service"):
            shape = "full_service"
        asked, per_page = given.of_organizations(), given.per_page
        return self.paged(
            lambda page: reads.organizations(self.principal, asked, shape, page, per_page), given
        )

    @extend_schema(
        operation_id="directory_organizations",
        auth=_ANYBODY,
        parameters=documented(parameters.ORGANIZATIONS),
        responses=shapes.DirectoryOrganizationPageOut,
    )
    def get(self, request: Request) -> HttpResponse:
        """Organizations by name."""
        return super().get(request)

    @extend_schema(
        operation_id="directory_organizations_search",
        auth=_ANYBODY,
        request=shapes.DirectorySearchIn,
        responses=shapes.DirectoryOrganizationPageOut,
    )
    def post(self, request: Request) -> HttpResponse:
        """The same with the parameters in the body."""
        return super().post(request)


class _Vocabulary(_List):
    kind: ClassVar[str]

    def search(self, given: Given) -> HttpResponse:
        return self.paged(
            lambda page: reads.vocabulary(
                self.kind,
                words=given.words("search"),
                taxonomy_id=given.uuid("taxonomy_id"),
                parent_id=given.uuid("parent_id"),
                top_only=given.flag("top_only"),
                page=page,
                per_page=given.per_page,
            ),
            given,
        )


class TaxonomyList(_Vocabulary):
    kind = "taxonomy"
    names = query = parameters.TAXONOMIES

    @extend_schema(
        operation_id="directory_taxonomies",
        auth=_ANYBODY,
        parameters=documented(parameters.TAXONOMIES),
        responses=shapes.DirectoryTaxonomyPageOut,
    )
    def get(self, request: Request) -> HttpResponse:
        """Taxonomies by name."""
        return super().get(request)

    @extend_schema(
        operation_id="directory_taxonomies_search",
        auth=_ANYBODY,
        request=shapes.DirectorySearchIn,
        responses=shapes.DirectoryTaxonomyPageOut,
    )
    def post(self, request: Request) -> HttpResponse:
        """The same with the parameters in the body."""
        return super().post(request)


class TermList(_Vocabulary):
    kind = "taxonomy_term"
    names = query = parameters.TERMS

    @extend_schema(
        operation_id="directory_taxonomy_terms",
        auth=_ANYBODY,
        parameters=documented(parameters.TERMS),
        responses=shapes.DirectoryTermPageOut,
    )
    def get(self, request: Request) -> HttpResponse:
        """Taxonomy terms by name."""
        return super().get(request)

    @extend_schema(
        operation_id="directory_taxonomy_terms_search",
        auth=_ANYBODY,
        request=shapes.DirectorySearchIn,
        responses=shapes.DirectoryTermPageOut,
    )
    def post(self, request: Request) -> HttpResponse:
        """The same with the parameters in the body."""
        return super().post(request)


# -- Details --------------------------------------------------------------------------------------


def _detail(request: Request, document: str | None) -> HttpResponse:
    """A document with its validator; 304 to who has it already (RFC 9110, section 13.1.2)."""
    if document is None:
        raise NotVisible
    tag = reads.etag(document)
    if tag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        return Response(status=304, headers={"ETag": tag})
    return Response(orjson.Fragment(document), headers={"ETag": tag})


class ServiceDetail(ServiceEditing):

    @extend_schema(
        operation_id="directory_service",
        auth=_ANYBODY,
        responses=shapes.DirectoryServiceDetailOut,
    )
    def get(self, request: Request, service_id: UUID) -> HttpResponse:
        """One service with everything that hangs on it, whatever its status."""
        with begin(self.principal):
            return _detail(request, reads.detail(self.principal, "service", service_id))


class PlaceDetail(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory_service_at_location",
        auth=_ANYBODY,
        responses=shapes.DirectoryPlaceDetailOut,
    )
    def get(self, request: Request, place_id: UUID) -> HttpResponse:
        """One service at one of its places, with all of both."""
        with begin(self.principal):
            return _detail(request, reads.detail(self.principal, "service_at_location", place_id))


class OrganizationDetail(OrganizationEditing):
    query = ("full_service",)

    @extend_schema(
        operation_id="directory_organization",
        auth=_ANYBODY,
        parameters=documented(("full_service",)),
        responses=shapes.DirectoryOrganizationDetailOut,
    )
    def get(self, request: Request, organization_id: UUID) -> HttpResponse:
        """One organization with everything of its own, and its services."""
        full = given(request, self.query).flag("full_service")
        with begin(self.principal):
            return _detail(request, reads.organization(self.principal, organization_id, full))


class _Word(Endpoint):
    public = True
    kind: ClassVar[str]

    def one(self, request: Request, row_id: UUID) -> HttpResponse:
        with begin(self.principal):
            found = reads.vocabulary(self.kind, row_id=row_id, per_page=1)
        return _detail(request, found.contents[0] if found.contents else None)


class TaxonomyDetail(_Word):
    kind = "taxonomy"

    @extend_schema(
        operation_id="directory_taxonomy", auth=_ANYBODY, responses=shapes.DirectoryTaxonomyOut
    )
    def get(self, request: Request, taxonomy_id: UUID) -> HttpResponse:
        """One taxonomy."""
        return self.one(request, taxonomy_id)


class TermDetail(_Word):
    kind = "taxonomy_term"

    @extend_schema(
        operation_id="directory_taxonomy_term", auth=_ANYBODY, responses=shapes.DirectoryTermOut
    )
    def get(self, request: Request, term_id: UUID) -> HttpResponse:
        """One taxonomy term."""
        return self.one(request, term_id)
