"""The base of every address under /fhir: FHIR's media type, and refusals as OperationOutcome."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

from api.fhir import outcomes
from api.fhir.names import MEDIA_TYPE
from api.http import problem_details
from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer, DocumentParser
from permissions.audit import writer

FORMATS = ("json", "application/json", MEDIA_TYPE)


class FhirParser(DocumentParser):
    media_type = MEDIA_TYPE


class PlainParser(DocumentParser):
    """FHIR's JSON under the media type of any JSON."""


class FhirEndpoint(Endpoint):
    """As an endpoint of /v1. It is not in the contract of /v1 (openapi/v1.yaml): its
    CapabilityStatement says what it does."""

    schema = None
    parser_classes = (FhirParser, PlainParser)
    query: ClassVar[Sequence[str]] = ("_format",)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse what asks for anything but JSON (406), then answer as every endpoint does."""
        if not _takes_json(request):
            refused = self.refused(outcomes.NotAcceptable())
            assert refused is not None
            return refused
        return super().dispatch(request, *args, **kwargs)

    def refused(self, error: Exception) -> Answer | None:
        refusal = problem_details.translate(error)
        if refusal is None:
            return None
        return outcomes.refused(refusal, ", ".join(self.allowed_methods))

    def reading(self) -> AbstractContextManager[None]:
        """Log what is refused while a resource is read: it may be a try to set what the caller may
        not set. The entry does not repeat it."""
        return writer.log_refusals(self.principal, self.logged_as, self.kwargs.get("referral_id"))

    def shown(
        self, resource: dict[str, Any], status: int = 200, *, version: str | None = None
    ) -> Answer:
        """Answer a resource. `version`: its meta.versionId, which is its weak ETag."""
        answer = Answer(resource, status, media_type=MEDIA_TYPE)
        if version:
            answer["ETag"] = f'W/"{version}"'
        return answer

    def if_match(self) -> str | None:
        """Return the header If-Match. FHIR writes a version as a weak tag (http.html)."""
        given = super().if_match()
        return None if given is None else given.removeprefix("W/")


def _takes_json(request: HttpRequest) -> bool:
    """Whether the caller takes JSON: `_format` decides over the header Accept."""
    if chosen := request.GET.get("_format"):
        return chosen.partition(";")[0] in FORMATS
    accepted = request.META.get("HTTP_ACCEPT", "*/*")
    kinds = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    return not kinds.isdisjoint({*FORMATS, "*/*", "application/*", ""})
