"""The desk's pages at a glance: public pages, signing in, referrals, own entries, calls, the
log."""

from allauth.mfa.base.views import AuthenticateView
from django.urls import path

from api.desk import public_pages
from api.desk.account import channels, webhooks
from api.desk.account import sign_in as sign_in_pages
from api.desk.audit import access_log, statistics
from api.desk.directory import (
    confidential_address,
    entry_edit,
    own_entries,
    search_page,
    service_page,
)
from api.desk.inbox import call_records, inbox, mistakes
from api.desk.referral import acts, assignment, notice, packet, page, releases

sign_in = sign_in_pages.SignIn.as_view()
code = AuthenticateView.as_view(form_class=sign_in_pages.CodeForm)
ONE = "desk/referrals/<uuid:referral_id>"
ENTRY = "desk/entries/<uuid:service_id>"
PLACE = "desk/places/<uuid:location_id>/address"

urlpatterns = [
    # Public
    path("", public_pages.home, name="home"),
    path("directory", search_page.public_search, name="directory"),
    path("directory/found/<str:sealed>", search_page.public_found, name="directory_found"),
    path("directory/guide", public_pages.guide, name="directory_guide"),
    path("directory/<uuid:service_id>", service_page.public_service, name="directory_service"),
    path("who-sees-what", public_pages.who_sees_what, name="who_sees_what"),
    path("safety", public_pages.safety, name="safety"),
    path("problems/<slug:code>", public_pages.problem, name="problem"),
    # Signing in and out. allauth looks up its own views by these names
    path("accounts/login", sign_in, name="account_login"),
    path("accounts/code", code, name="mfa_authenticate"),
    path("accounts/inactive", sign_in_pages.inactive, name="account_inactive"),
    path("accounts/logout", sign_in_pages.sign_out, name="account_logout"),
    path("leave", sign_in_pages.quick_exit, name="leave"),
    path("desk/agency", sign_in_pages.choose_agency, name="desk_agency"),
    # Referrals
    path("desk/", inbox.inbox, name="desk"),
    path("desk/directory", search_page.search, name="desk_directory"),
    path("desk/directory/found/<str:sealed>", search_page.found, name="desk_directory_found"),
    path("desk/directory/<uuid:service_id>", service_page.service, name="desk_service"),
    path("desk/referrals/new", notice.new, name="desk_new_referral"),
    path("desk/said_no", notice.said_no, name="desk_said_no"),
    path(ONE, page.referral, name="desk_referral"),
    path(f"{ONE}/sent", page.sent, name="desk_sent"),
    *(path(f"{ONE}/{act}", acts.view(act), name=f"desk_{act}") for act in acts.PAGES),
    path(f"{ONE}/history", page.history, name="desk_history"),
    path(f"{ONE}/releases", releases.releases, name="desk_releases"),
    path(f"{ONE}/release_paper", releases.release_paper, name="desk_release_paper"),
    path(f"{ONE}/returned", releases.returned, name="desk_returned"),
    path(f"{ONE}/open_handoff", packet.open_handoff, name="desk_open_handoff"),
    # The agency's own entries of the directory
    path("desk/entries", own_entries.own, name="desk_entries"),
    path(ENTRY, own_entries.one, name="desk_entry"),
    path(f"{ENTRY}/edit", entry_edit.edit, name="desk_edit_entry"),
    path(f"{ENTRY}/pause", own_entries.pause, name="desk_pause_entry"),
    path(f"{ENTRY}/capacity", own_entries.capacity, name="desk_entry_capacity"),
    path(f"{ENTRY}/checked", own_entries.checked, name="desk_entry_checked"),
    path(f"{ENTRY}/history", own_entries.history, name="desk_entry_history"),
    path(PLACE, confidential_address.look, name="desk_secret_place"),
    path(f"{PLACE}/put", confidential_address.put, name="desk_put_secret_place"),
    # Calls, and the log
    path("desk/calls", call_records.own, name="desk_calls"),
    path("desk/calls/new", call_records.new, name="desk_new_call"),
    path("desk/channels", channels.own, name="desk_channels"),
    path("desk/told", assignment.told, name="desk_told"),
    path("desk/mistakes", mistakes.to_review, name="desk_mistakes"),
    path("desk/webhooks", webhooks.own, name="desk_webhooks"),
    path("desk/webhooks/<uuid:webhook_id>", webhooks.one, name="desk_webhook"),
    path("desk/access-log", access_log.access_log, name="desk_access_log"),
    path("desk/access-log/export", access_log.export, name="desk_log_export"),
    path("desk/access-log/counts", statistics.counts, name="desk_log_counts"),
    path("desk/access-log/seals", statistics.seals, name="desk_log_seals"),
    path("desk/access-log/readers", statistics.readers, name="desk_log_readers"),
]
