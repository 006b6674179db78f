"""How the directory answers: pages, streams and details, and what the contract says of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from api.http.request_metrics import count_directory_read
from api.http.streams import Stream
from api.v1.directory.parameters import Parameters, documented, read_parameters, searched
from directory.hsds.plain import ADDED, plain_text
from directory.search import matches, retrieval, standby
from directory.search.query import SearchQuery
from directory.search.readings import AS_WRITTEN, Reading
from openapi.schema import AS_KNOWN, problems, signed_in
from permissions.errors import BadRequest, NotVisible
from permissions.principal import Principal
from referrals.act_registry.repeats import Repeat

NDJSON = "application/x-ndjson"
ANYBODY: Any = [{}, *signed_in("directory:read")]
PLAIN = ("plain",)  # the parameter of a detail
REFUSALS = problems(400, 401, 403, 429, 503)  # for a list
NOT_THERE: dict[Any, Any] = {  # for a detail
    **AS_KNOWN,
    **problems(400, 401, 403, 404, 503),
}


def asked_of(endpoint: Endpoint, body: Mapping[str, Any] | None = None) -> Parameters:
    """Read the parameters of a request. Plain HSDS has no marker for what is confidential, and
    nothing confidential is on a map, so who asks for them is answered as anybody. Raises
    BadRequest."""
    given = read_parameters(endpoint.request.GET, endpoint.query, body)
    is_map = given.format == "geojson"
    if is_map and (given.flag("full") or given.plain):
        raise BadRequest("invalid", "Leave out full and plain: a map has neither.", "format")
    if given.plain and given.flag("facets"):
        raise BadRequest("invalid", "Plain HSDS has no facets: leave one of them out.", "plain")
    if given.plain or is_map:
        endpoint.principal = None  # type: ignore[assignment]  # these endpoints are public
    return given


def shown(kind: str, given: Parameters) -> Callable[[str], str]:
    """Return what makes the JSON text of a stored document the one that was asked for."""
    return partial(plain_text, kind) if given.plain and ADDED.get(kind) else str


class List(Endpoint):
    """A list of one kind. POST is the same search with its parameters in the body."""

    public = True
    repeats: ClassVar = {"post": Repeat.SAFE}
    kind: ClassVar[str]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.search(asked_of(self))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        return self.search(asked_of(self, self.data))

    def search(self, asked: Parameters) -> HttpResponseBase:
        raise NotImplementedError

    def streamed(self, asked: SearchQuery, shape: str, given: Parameters) -> HttpResponseBase:
        """Stream all matches, a few hundred per transaction, so that no connection is held for
        long."""
        kind = self.kind

        def chosen(using: str) -> Reading:  # as for a page
            return matches.find(self.principal, asked, kind=kind, per_page=1, using=using).reading

        def part(after: UUID | None, reading: Reading) -> tuple[list[str], UUID | None]:
            question = (self.principal, asked, kind, shape, after, reading)
            found: tuple[list[str], UUID | None] = self._part(
                lambda using: retrieval.next_documents(*question, using)
            )
            return found

        def parts() -> Iterator[Sequence[str]]:
            reading = self._part(chosen) if asked.text else AS_WRITTEN
            documents, after = part(None, reading)
            yield documents
            while after is not None:
                documents, after = part(after, reading)
                yield documents

        return _stream(parts(), shown(kind, given))

    def paged(
        self, fetch: Callable[[int, str], retrieval.Documents], given: Parameters
    ) -> HttpResponseBase:
        """Return one page of what `fetch` gives for its number and an alias of the database, or all
        its pages as lines."""
        asked, show = given.page, shown(self.kind, given)
        if given.format != "ndjson":
            found = read(self.principal, lambda using, _now: fetch(asked, using))
            contents = [orjson.Fragment(show(one)) for one in found.contents]
            return Answer(envelope(found, contents, given))

        def parts() -> Iterator[Sequence[str]]:
            page, last = 1, False
            while not last:
                found: retrieval.Documents = self._part(lambda using: fetch(page, using))  # noqa: B023
                yield found.contents
                page, last = page + 1, found.last

        return _stream(parts(), show)

    def _part(self, ask: Callable[[str], Any]) -> Any:
        """Read one part, in a transaction of its own. A token that has ended cuts the stream before
        its last chunk, so that the client sees that it is incomplete."""

        def live(using: str, _now: datetime) -> Any:
            retrieval.require_live_credential(self.principal)
            return ask(using)

        return read(self.principal, live)


def read(principal: Principal | None, ask: standby.Ask[Any]) -> Any:
    """Read from a standby or the primary (directory/search/standby.py), and count which."""
    found, source = standby.read(principal, ask)
    count_directory_read(source)
    return found


def _stream(parts: Iterator[Sequence[str]], show: Callable[[str], str]) -> HttpResponseBase:
    """Stream one document a line, each as `show` makes it. The first part is read before the answer
    begins, so that a refusal or failure there is answered as anywhere else, not with the server's
    bare page (R16). Raises Busy."""
    first = next(parts, ())
    lines = ("".join(f"{show(one)}\n" for one in part).encode() for part in chain([first], parts))
    return StreamingHttpResponse(Stream(lines), content_type=NDJSON)


def envelope(
    found: retrieval.Documents | matches.Matches, contents: Sequence[Any], given: Parameters
) -> dict[str, Any]:
    """Build the standard's page, flat."""
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
    if found.capped and not given.plain:
        page["total_items_capped"] = True
    return page


def contract(
    name: str,
    names: Sequence[str],
    page: Any,
    about: str,
    others: Mapping[tuple[int, str], Any] | None = None,
) -> Callable[[Any], Any]:
    """Describe a list and its search in the contract. `others`: its answers of other types."""
    answers = {(200, "application/json"): page, (200, NDJSON): OpenApiTypes.STR, **REFUSALS}
    answers |= others or {}
    return extend_schema_view(
        get=extend_schema(
            operation_id=name,
            auth=ANYBODY,
            parameters=documented(names),
            responses=answers,
            description=about,
        ),
        post=extend_schema(
            operation_id=f"{name}_search",
            auth=ANYBODY,
            request=searched(name, names),
            responses={**answers, **problems(413, 415)},
            summary=f"Search: {about[0].lower()}{about[1:]}",
            description=f"{about} The body holds the parameters, so that no log of URLs does.",
        ),
    )


def entry(endpoint: Endpoint, kind: str, row_id: UUID) -> HttpResponse:
    """Return a service, or a service at a place, as it was asked for. Raises NotVisible."""
    given = asked_of(endpoint)
    who = endpoint.principal
    found = read(who, lambda using, _now: retrieval.detail(who, kind, row_id, using))
    return detail(found, shown(kind, given))


def detail(document: str | None, show: Callable[[str], str]) -> HttpResponse:
    """Return a document, as `show` makes it, with its ETag. Raises NotVisible if there is none."""
    if document is None:
        raise NotVisible
    document = show(document)
    return Answer(orjson.Fragment(document), headers={"ETag": retrieval.etag(document)})
