"""All URLs of the process: the JSON API, its page, tokens, and the desk."""

from django.conf import settings
from django.urls import include, path

from api import process_pages
from api.accounts import oauth

handler400 = "api.http.problem_details.bad_request"
handler403 = "api.http.problem_details.forbidden"
handler404 = "api.http.problem_details.not_found"
handler500 = "api.http.problem_details.server_error"

urlpatterns = [
    path("v1/", include("api.v1.urls")),
    path("oauth/token", oauth.Token.as_view(), name="token"),
    path("docs", process_pages.Docs.as_view(url_name="schema"), name="docs"),
    path("docs/v1.yaml", process_pages.contract, name="schema"),
    path("healthz", process_pages.health, name="health"),
    path("", include("api.desk.urls")),
]
if "demo" in settings.SENDERS.values():
    urlpatterns.append(path("demo/messages", process_pages.demo_messages, name="demo_messages"))
