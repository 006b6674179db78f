"""The desk's pages at a glance: for anybody, signing in, referrals, own entries, calls, the log."""

from allauth.mfa.base.views import AuthenticateView
from django.urls import path

from api.desk import (
    access_log,
    accounting,
    acts,
    blocks,
    calls,
    directory,
    entries,
    entry_edit,
    inbox,
    notice,
    public,
    referral,
    releases,
    sealed,
    secret_place,
    service,
    session,
    staff,
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
    path(f"{ONE}/history", referral.history, name="desk_history"),
    path(f"{ONE}/put_notice", acts.put_notice, name="desk_put_notice"),
    path(f"{ONE}/send", notice.send, name="desk_send"),
    path(f"{ONE}/acknowledge", acts.acknowledge, name="desk_acknowledge"),
    path(f"{ONE}/accept", acts.accept, name="desk_accept"),
    path(f"{ONE}/decline", acts.decline, name="desk_decline"),
    path(f"{ONE}/put_release", acts.put_release, name="desk_put_release"),
    path(f"{ONE}/releases", releases.releases, name="desk_releases"),
    path(f"{ONE}/release_paper", releases.release_paper, name="desk_release_paper"),
    path(f"{ONE}/put_packet", acts.put_packet, name="desk_put_packet"),
    path(f"{ONE}/open_packet", sealed.open_packet, name="desk_open_packet"),
    path(f"{ONE}/start_handoff", acts.start_handoff, name="desk_start_handoff"),
    path(f"{ONE}/complete", acts.complete, name="desk_complete"),
    path(f"{ONE}/unable", acts.unable, name="desk_unable"),
    path(f"{ONE}/withdraw", acts.withdraw, name="desk_withdraw"),
    path(f"{ONE}/revoke_release", acts.revoke_release, name="desk_revoke_release"),
    path(f"{ONE}/narrow_release", acts.narrow_release, name="desk_narrow_release"),
    path(f"{ONE}/returned", releases.returned, name="desk_returned"),
    path(f"{ONE}/put_return_release", acts.put_return_release, name="desk_put_return_release"),
    path(
        f"{ONE}/revoke_return_release",
        acts.revoke_return_release,
        name="desk_revoke_return_release",
    ),
    path(f"{ONE}/stop", acts.stop, name="desk_stop"),
    path(f"{ONE}/assign", staff.assign, name="desk_assign"),
    path(f"{ONE}/hand_over", staff.hand_over, name="desk_hand_over"),
    path(f"{ONE}/take_over", staff.take_over, name="desk_take_over"),
    path(f"{ONE}/set_hold", acts.set_hold, name="desk_set_hold"),
    path(f"{ONE}/end_hold", acts.end_hold, name="desk_end_hold"),
    path(f"{ONE}/block", blocks.block, name="desk_block"),
    path(f"{ONE}/unblock", blocks.unblock, name="desk_unblock"),
    path(f"{ONE}/leads_only", blocks.leads_only, name="desk_leads_only"),
    path(f"{ONE}/end_leads_only", blocks.end_leads_only, name="desk_end_leads_only"),
    path(f"{ONE}/add_note", acts.add_note, name="desk_add_note"),
    path(f"{ONE}/record_report", acts.record_report, name="desk_record_report"),
    path(f"{ONE}/record_disclosure", acts.record_disclosure, name="desk_record_disclosure"),
    path(
        f"{ONE}/account_disclosures",
        accounting.account_disclosures,
        name="desk_account_disclosures",
    ),
    path(f"{ONE}/open_notes", sealed.open_notes, name="desk_open_notes"),
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
    path("desk/told", staff.told, name="desk_told"),
    path("desk/access-log", access_log.access_log, name="desk_access_log"),
]
