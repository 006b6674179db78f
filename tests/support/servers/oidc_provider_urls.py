"""The pages of the tests' OpenID provider (oidc_provider.py), in its own process."""

import json
from typing import Any

from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_validators import OAuth2Validator

from tests.support.servers.oidc_provider import PASSWORD

_forbidden: set[str] = set()


class Validator(OAuth2Validator):  # type: ignore[misc]
    """The library's, with what an agency's provider says of people, and an end that is one."""

    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        said = json.loads(request.user.first_name or "{}")
        return {"email": f"{request.user.username}@agency.invalid", **said}

    def get_oidc_claims(self, token: Any, token_handler: Any, request: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_oidc_claims(token, token_handler, request)
        return found | {"sub": f"agency|{request.user.pk}"}

    def validate_refresh_token(self, refresh_token: Any, client: Any, request: Any, *a: Any) -> Any:
        good = super().validate_refresh_token(refresh_token, client, request, *a)
        return good and request.user.is_active

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if _forbidden:
            token.pop("refresh_token", None)
        return super().save_bearer_token(token, request, *args, **kwargs)


def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        person = authenticate(username=request.POST["username"], password=request.POST["password"])
        if person is None:
            return HttpResponse("wrong", status=403)
        login(request, person)
        return HttpResponseRedirect(request.GET["next"])
    return HttpResponse(
        '<!doctype html><html lang="en"><title>Sign in</title><main>'
        f'<form method="post"><input type="hidden" name="csrfmiddlewaretoken"'
        f' value="{get_token(request)}"><label>Name <input name="username"></label>'
        '<label>Password <input name="password" type="password"></label>'
        "<button>Sign in at the agency</button></form></main></html>"
    )


@csrf_exempt
def control(request: HttpRequest, what: str) -> HttpResponse:
    """What the provider's administrator does."""
    said = json.loads(request.body)
    if what == "account":
        person, _made = User.objects.get_or_create(username=said["name"])
        person.first_name, person.is_active = json.dumps(said["claims"]), True
        person.set_password(PASSWORD)
        person.save()
        return JsonResponse({"sub": f"agency|{person.pk}"})
    if what == "end":
        User.objects.filter(username=said["name"]).update(is_active=False)
    if what == "refresh":
        _forbidden.update({"all"}) if said["forbid"] else _forbidden.clear()
    return HttpResponse()


urlpatterns = [
    path("sign-in", sign_in),
    path("control/<str:what>", control),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
