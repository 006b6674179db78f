"""The base of every SCIM address: the token, the media type, and refusals in SCIM's shape (RFC 7644
section 3.12)."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from api.http import problem_details
from api.http.authentication import bearer_of, refuse_unknown_credential
from api.http.json_bodies import Answer, JSONParser, read
from permissions.errors import BadRequest, NotAuthenticated, Refused
from permissions.models import Client
from permissions.scim import scim_tokens

MEDIA_TYPE = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

# RFC 7644, table 9, by the codes of our refusals. Other bad requests could not be read.
_SCIM_TYPES = {
    "scim_filter": "invalidFilter",
    "scim_path": "invalidPath",
    "scim_target": "noTarget",
    "scim_value": "invalidValue",
    "scim_fixed": "mutability",
    "scim_taken": "uniqueness",
    "invalid": "invalidValue",
    "address": "invalidValue",
}


class ScimParser(JSONParser):
    media_type = MEDIA_TYPE


class ScimAnswer(Answer):
    def __init__(self, value: Any = None, status: int = 200, **more: Any) -> None:
        super().__init__(value, status, media_type=MEDIA_TYPE, **more)


@method_decorator(csrf_exempt, name="dispatch")
class ScimEndpoint(View):
    """`self.system` is the identity provider's system that asks."""

    http_method_names = ["get", "post", "put", "patch", "delete"]
    system: Client

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check the token (401) and the method (405), then run the handler. A bug propagates to the
        failure page."""
        try:
            self.system = _system_of(request)
            handler = getattr(self, str(request.method).lower(), None)
            if handler is None or str(request.method).lower() not in self.http_method_names:
                raise problem_details.MethodNotAllowed
            answer: HttpResponseBase = handler(request, *args, **kwargs)
        except Exception as error:
            refusal = problem_details.translate(error)
            if refusal is None:
                raise
            return self._refused(refusal)
        return answer

    def body(self) -> dict[str, Any]:
        """Return the request's body. Raises BadRequest, UnsupportedMediaType."""
        return read(self.request, (ScimParser, JSONParser))

    def _refused(self, refusal: Refused) -> ScimAnswer:
        status, _problem, headers = problem_details.problem(refusal)
        value = {"schemas": [ERROR], "status": str(status), "detail": refusal.detail}
        if status in (400, 409):
            kind = _SCIM_TYPES.get(refusal.code)
            if kind is None and isinstance(refusal, BadRequest):
                kind = "invalidSyntax"
            value |= {"scimType": kind} if kind else {}
        if isinstance(refusal, problem_details.MethodNotAllowed):
            headers["Allow"] = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return ScimAnswer(value, status, headers=headers)


def _system_of(request: HttpRequest) -> Client:
    secret = bearer_of(request)
    if secret is None:
        refuse_unknown_credential()
    try:
        return scim_tokens.system_of(secret, request.META["REMOTE_ADDR"])
    except NotAuthenticated:
        refuse_unknown_credential()
