"""The server's addresses and one more: it reads by an operation that is deprecated, and writes by
one that is not."""

from datetime import date
from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import path
from drf_spectacular.utils import extend_schema

from api import urls
from api.http.deprecation import Deprecated
from api.http.endpoints import Endpoint, NothingIn
from api.http.json_bodies import Answer
from api.v1.codes import CodeOut
from openapi.schema import problems
from referrals.act_registry.repeats import Repeat

CODE = {"code": "shelter", "en": "Shelter", "es": "Refugio"}


def answers(*refusals: int) -> dict[Any, Any]:
    return {200: CodeOut} | dict[Any, Any](problems(*refusals))


class Ending(Endpoint):
    """Its path begins with the name of a group that the contract explains."""

    query: ClassVar = ("code",)
    repeats: ClassVar = {"post": Repeat.SAFE}
    deprecations: ClassVar = {
        "get": Deprecated(date(2026, 12, 1), date(2027, 6, 1), "Use `GET /v1/codes`.")
    }

    @extend_schema(operation_id="read_ending", responses=answers(400, 401, 503))
    def get(self, request: HttpRequest) -> Answer:
        """Read one code."""
        return Answer(CODE)

    @extend_schema(
        operation_id="write_ending",
        request=NothingIn,
        responses=answers(400, 401, 413, 415, 503),
    )
    def post(self, request: HttpRequest) -> Answer:
        """Write one code."""
        return Answer(CODE)


urlpatterns: list[Any] = [path("v1/codes/ending", Ending.as_view()), *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
