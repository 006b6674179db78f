"""The desk's pages at a glance: for anybody, signing in, referrals, own entries, calls, the log."""

from allauth.mfa.base.views import AuthenticateView
from django.urls import path

from api.desk import (
    access_log,
    acts,
    calls,
    channels,
    directory,
    entries,
    entry_edit,
    inbox,
    log_overview,
    mistakes,
    notice,
    public,
    referral,
    releases,
    sealed,
    secret_place,
    service,
    session,
    staff,
    webhooks,
)

sign_in = session.SignIn.as_view()
code = AuthenticateView.as_view(form_class=session.CodeForm)
ONE = "desk/referrals/<uuid:referral_id>"
ENTRY = "desk/entries/<uuid:service_id>"
PLACE = "desk/places/<uuid:location_id>/address"

urlpatterns = [
    # For anybody
    path("", public.home, name="home"),
    path("directory", directory.public_search, name="directory"),
    path("directory/found/<str:sealed>", directory.public_found, name="directory_found"),
    path("directory/guide", public.guide, name="directory_guide"),
    path("directory/<uuid:service_id>", service.public_service, name="directory_service"),
    path("who-sees-what", public.who_sees_what, name="who_sees_what"),
    path("safety", public.safety, name="safety"),
    path("problems/<slug:code>", public.problem, name="problem"),
    # Signing in and out; allauth looks for its own by these names
    path("accounts/login", sign_in, name="account_login"),
    path("accounts/code", code, name="mfa_authenticate"),
    path("accounts/inactive", session.inactive, name="account_inactive"),
    path("accounts/logout", session.sign_out, name="account_logout"),
    path("leave", session.leave, name="leave"),
    path("desk/agency", session.choose_agency, name="desk_agency"),
    # Referrals
    path("desk/", inbox.inbox, name="desk"),
    path("desk/directory", directory.search, name="desk_directory"),
    path("desk/directory/found/<str:sealed>", directory.found, name="desk_directory_found"),
    path("desk/directory/<uuid:service_id>", service.service, name="desk_service"),
    path("desk/referrals/new", notice.new, name="desk_new_referral"),
    path("desk/said_no", notice.said_no, name="desk_said_no"),
    path(ONE, referral.referral, name="desk_referral"),
    path(f"{ONE}/sent", referral.sent, name="desk_sent"),
    *(path(f"{ONE}/{act}", acts.view(act), name=f"desk_{act}") for act in acts.PAGES),
    path(f"{ONE}/history", referral.history, name="desk_history"),
    path(f"{ONE}/releases", releases.releases, name="desk_releases"),
    path(f"{ONE}/release_paper", releases.release_paper, name="desk_release_paper"),
    path(f"{ONE}/returned", releases.returned, name="desk_returned"),
    path(f"{ONE}/open_handoff", sealed.open_handoff, name="desk_open_handoff"),
    # The agency's own entries of the directory
    path("desk/entries", entries.own, name="desk_entries"),
    path(ENTRY, entries.one, name="desk_entry"),
    path(f"{ENTRY}/edit", entry_edit.edit, name="desk_edit_entry"),
    path(f"{ENTRY}/pause", entries.pause, name="desk_pause_entry"),
    path(f"{ENTRY}/capacity", entries.capacity, name="desk_entry_capacity"),
    path(f"{ENTRY}/checked", entries.checked, name="desk_entry_checked"),
    path(f"{ENTRY}/history", entries.history, name="desk_entry_history"),
    path(PLACE, secret_place.look, name="desk_secret_place"),
    path(f"{PLACE}/put", secret_place.put, name="desk_put_secret_place"),
    # Calls, and the log
    path("desk/calls", calls.own, name="desk_calls"),
    path("desk/calls/new", calls.new, name="desk_new_call"),
    path("desk/channels", channels.own, name="desk_channels"),
    path("desk/told", staff.told, name="desk_told"),
    path("desk/mistakes", mistakes.to_review, name="desk_mistakes"),
    path("desk/webhooks", webhooks.own, name="desk_webhooks"),
    path("desk/webhooks/<uuid:webhook_id>", webhooks.one, name="desk_webhook"),
    path("desk/access-log", access_log.access_log, name="desk_access_log"),
    path("desk/access-log/export", access_log.export, name="desk_log_export"),
    path("desk/access-log/counts", log_overview.counts, name="desk_log_counts"),
    path("desk/access-log/seals", log_overview.seals, name="desk_log_seals"),
    path("desk/access-log/readers", log_overview.readers, name="desk_log_readers"),
]
