"""An agency's provider says that a person is ended there (OpenID Connect Back-Channel Logout 1.0):
what came by it ends here at once, and is refused at the next request."""

import hashlib

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from api.agency_sign_in import provider_client, session_standing, tokens
from api.agency_sign_in.provider_client import Away
from api.agency_sign_in.tokens import BadToken, Ended
from api.desk.agency_sign_in.session_check import ProviderAway
from api.http.problem_details import refused_page
from permissions.agency_sign_in import provider_sessions, providers
from permissions.errors import Refused
from permissions.identity import credentials
from permissions.models import SignInProvider

USED_FOR_S = tokens.MOST_AGE_S + 2 * tokens.LATE_S  # longer than a token may be old


@csrf_exempt  # a server calls it; the token's signature says which
@require_POST
def ended(request: HttpRequest, code: str) -> HttpResponse:
    """Check the token, and end what it names. An account that is not linked, or a session that is
    over, is no fault. A token is good once."""
    try:
        provider = providers.by_code(code)
        if provider is None:
            return _refused("provider_off")
        try:
            token = request.POST.get("logout_token", "")
            said = tokens.ended_of(token, provider_client.claims_of(provider, token))
        except BadToken as error:
            return _refused(error.code)
        except Away:
            return refused_page(request, ProviderAway())
        used = f"logout_token:{provider.id}:{hashlib.sha256(said.jti.encode()).hexdigest()}"
        if cache.get(used):
            return _refused("token_replayed")
        _end(provider, said)
        cache.set(used, 1, USED_FOR_S)  # after the end: a killed process leaves it to be sent again
    except Refused as refusal:
        return refused_page(request, refusal)
    return HttpResponse(status=200)


def _refused(code: str) -> HttpResponse:
    credentials.log_sign_in("session.end_by_agency", refused=code)
    return JsonResponse({"error": "invalid_request"}, status=400)


def _end(provider: SignInProvider, said: Ended) -> None:
    subject = said.subject and provider_sessions.subject_hash(provider, said.subject)
    found = provider_sessions.of_logout(provider, subject, said.sid)
    for link, session_ids in found.items():
        session_standing.end(link, session_ids)
