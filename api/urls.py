"""Every address of the process: the JSON API, its page, tokens, and the desk."""

from django.conf import settings
from django.urls import include, path

from api import oauth, pages

handler400 = "api.errors.bad_request"
handler403 = "api.errors.forbidden"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"

urlpatterns = [
    path("v1/", include("api.v1.urls")),
    path("oauth/token", oauth.Token.as_view(), name="token"),
    path("docs", pages.Docs.as_view(url_name="schema"), name="docs"),
    path("docs/v1.yaml", pages.contract, name="schema"),
    path("healthz", pages.health, name="health"),
    path("", include("api.desk.urls")),
]
if "demo" in settings.SENDERS.values():
    urlpatterns.append(path("demo/messages", pages.demo_messages, name="demo_messages"))
