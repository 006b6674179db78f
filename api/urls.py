"""All URLs of the process: the JSON API, its page, tokens, and the desk."""

from django.conf import settings
from django.urls import include, path

from api import discovery, process_pages
from api.accounts import oauth
from api.health import views as health

handler400 = "api.http.problem_details.bad_request"
handler403 = "api.http.problem_details.forbidden"
handler404 = "api.http.problem_details.not_found"
handler500 = "api.http.problem_details.server_error"

urlpatterns = [
    path("v1/", include("api.v1.urls")),
    path("scim/v2/", include("api.scim.urls")),
    path("oauth/token", oauth.Token.as_view(), name="token"),
    path(".well-known/oauth-authorization-server", discovery.authorization_server),
    path(".well-known/smart-configuration", discovery.smart_configuration),
    path(".well-known/security.txt", discovery.security_txt),
    path("docs", process_pages.Docs.as_view(url_name="schema"), name="docs"),
    path("docs/v1.yaml", process_pages.contract, name="schema"),
    path("docs/hsds.json", process_pages.directory_contract, name="directory_schema"),
    path("docs/changes.md", process_pages.changes, name="changes"),
    path("docs/fhir.md", process_pages.fhir_deviations, name="fhir_deviations"),
    path("healthz", health.ready, name="health"),  # the name of earlier releases
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("api.desk.urls")),
]
if settings.FHIR:
    from api.fhir import transactions  # its packages are an option

    urlpatterns += [
        path("fhir", transactions.Transaction.as_view()),  # FHIR's base URL has no slash at its end
        path("fhir/", include("api.fhir.urls")),
    ]
if "demo" in settings.SENDERS.values():
    urlpatterns += [
        path("demo/messages", process_pages.demo_messages, name="demo_messages"),
        path("demo/key", process_pages.demo_key, name="demo_key"),
    ]
if settings.SANDBOX:  # by name: a server's image does not have it
    urlpatterns += [path("", include("api.sandbox.urls"))]
