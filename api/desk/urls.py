"""The desk's pages at a glance: public pages, signing in, referrals, own entries, calls, the
log."""

from django.urls import path

from api.desk import installable, public_pages
from api.desk.account import (
    channels,
    enrollment,
    fresh_proof,
    locked,
    own,
    own_factors,
    unfinished,
    webhooks,
)
from api.desk.account import sign_in as sign_in_pages
from api.desk.agency import (
    agency_changes,
    agency_settings,
    invite_list,
    members,
    network_terms,
    registered_number,
    resets,
    system_keys,
    systems,
)
from api.desk.agency.law import notice_opinion, rights_counts
from api.desk.agency_sign_in import logout, way
from api.desk.agency_sign_in import settings as agency_sign_in
from api.desk.audit import access_log, statistics
from api.desk.awake import page as awake
from api.desk.awake import phone as awake_phone
from api.desk.bulk import pages as bulk
from api.desk.card import agency_card, notice_page, officer, phone
from api.desk.directory import hand_list, mistake_reports, search_page, service_page
from api.desk.directory import urls as own_entries
from api.desk.directory.upkeep import entry_checks
from api.desk.inbox import call_records, inbox, mistakes, shift_change
from api.desk.on_call import feed as on_call_feed
from api.desk.on_call import line_test
from api.desk.on_call import pages as on_call
from api.desk.practice import pages as practice
from api.desk.provisioning import scim_token
from api.desk.referral import acts, assignment, notice, packet, page
from api.desk.referral.release import asking, copies, release_pages, surface
from api.desk.reports import form_pages, network_pages
from api.desk.reports import pages as reports
from api.desk.reports import public as numbers
from api.desk.slip import given, own_page
from api.desk.trainings import pages as trainings

sign_in = sign_in_pages.SignIn.as_view()
code = sign_in_pages.Code.as_view()
passkey = sign_in_pages.PasskeySignIn.as_view()
ONE = "desk/referrals/<uuid:referral_id>"
PASSKEY = "desk/account/passkeys/<int:pk>"
CHANNEL = "desk/channels/<uuid:channel_id>"
WEBHOOK = "desk/webhooks/<uuid:webhook_id>"
MEMBER = "desk/members/<uuid:member_id>"
SYSTEM = "desk/agency/systems/<uuid:system_id>"
EXPORT = "desk/exports/<uuid:export_id>"
SIGN_IN = "desk/agency/sign-in"

urlpatterns = [
    # Public
    path("", public_pages.home, name="home"),
    path("directory", search_page.public_search, name="directory"),
    path("directory/found/<str:sealed>", search_page.public_found, name="directory_found"),
    path("directory/list", hand_list.public_change, name="hand_list"),
    path("directory/list/<str:sealed>", hand_list.public_shown, name="hand_list_shown"),
    path("directory/list/<str:sealed>/print", hand_list.public_sheet, name="hand_list_sheet"),
    path("directory/guide", public_pages.guide, name="directory_guide"),
    path("directory/<uuid:service_id>", service_page.public_service, name="directory_service"),
    path(
        "directory/<uuid:service_id>/mistake",
        mistake_reports.public_report,
        name="report_mistake",
    ),
    path("who-sees-what", public_pages.who_sees_what, name="who_sees_what"),
    path("safety", public_pages.safety, name="safety"),
    path("language", public_pages.choose_language, name="choose_language"),
    path("manifest.webmanifest", installable.manifest, name="manifest"),
    path("service-worker.js", installable.service_worker, name="service_worker"),
    path("problems/<slug:code>", public_pages.problem, name="problem"),
    # A survivor, who signs on a screen or on their own phone
    path("sign/<str:secret>", surface.sign, name="sign"),
    # An officer without an account, by their agency's card
    path("card/<str:code>", officer.card, name="card"),
    path("card/call/<str:token>", phone.keyed, name="card_call"),
    path("call/awake/<slug:language>/<str:token>", awake_phone.keyed, name="awake_call"),
    path("card/notice/<uuid:notice_id>", notice_page.notice, name="card_notice"),
    path("card/notice/<uuid:notice_id>/<slug:act>", notice_page.end, name="card_end"),
    # The person who holds a phone that is tested
    path("line/<str:token>", line_test.by_link, name="line_test"),
    path("line/call/<str:token>", line_test.by_key, name="line_call"),
    # The people who run a service, about its public entry
    path("check/thanks", entry_checks.thanks, name="entry_check_thanks"),
    path("check/<str:token>", entry_checks.check, name="entry_check"),
    # The survivor, by their slip
    path("slip", own_page.enter, name="slip"),
    path("slip/open", own_page.opened, name="slip_open"),
    path("slip/open/less", own_page.less, name="slip_less"),
    path("slip/open/end", own_page.end, name="slip_end"),
    # Signing in and out. allauth looks up its own views by these names
    path("accounts/login", sign_in, name="account_login"),
    path("accounts/passkey", passkey, name="mfa_login_webauthn"),
    path("accounts/passkey/options", fresh_proof.passkey_options, name="passkey_options"),
    path("accounts/code", code, name="mfa_authenticate"),
    path("accounts/confirm", fresh_proof.confirm, name="account_reauthenticate"),
    path("accounts/passkeys/add", own_factors.add_passkey, name="mfa_add_webauthn"),
    path("accounts/app", own_factors.set_app, name="mfa_activate_totp"),
    path(
        "accounts/recovery-codes",
        own_factors.show_recovery_codes,
        name="mfa_view_recovery_codes",
    ),
    path("accounts/inactive", sign_in_pages.inactive, name="account_inactive"),
    path("accounts/logout", sign_in_pages.sign_out, name="account_logout"),
    path("accounts/agency", way.choose, name="agency_choose"),
    path("accounts/agency-back", way.back, name="agency_back"),
    path("accounts/agency/<slug:code>", way.entrance, name="agency_entrance"),
    path("accounts/agency/<slug:code>/start", way.start, name="agency_start"),
    path("accounts/agency/<slug:code>/ended", logout.ended, name="agency_ended"),
    path("join", enrollment.join, name="join"),
    path("join/code", enrollment.spoken_code, name="join_code"),
    path("join/agency", way.join_start, name="join_agency"),
    path("join/<str:secret>", enrollment.by_link, name="join_by_link"),
    path("leave", sign_in_pages.quick_exit, name="leave"),
    path("desk/agency", sign_in_pages.choose_agency, name="desk_agency"),
    path("desk/unfinished", unfinished.unfinished, name="desk_unfinished"),
    path("desk/locked", locked.locked, name="desk_locked"),
    # The own account
    path("desk/account", own.account, name="desk_account"),
    path(f"{PASSKEY}/name", own.rename_passkey, name="mfa_edit_webauthn"),
    path(f"{PASSKEY}/remove", own.remove_passkey, name="mfa_remove_webauthn"),
    path("desk/account/app/remove", own.remove_app, name="mfa_deactivate_totp"),
    path("desk/account/recovery-codes", own.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("desk/account/password", own.change_password, name="account_change_password"),
    path("desk/account/agency", way.own, name="desk_own_agency_sign_in"),
    path("desk/account/agency/start", way.link_start, name="desk_link_agency"),
    path("desk/account/end-others", own.end_others, name="desk_end_others"),
    # Referrals
    path("desk/", inbox.inbox, name="desk"),
    path("desk/awake", awake.awake, name="desk_awake"),
    path("desk/shift", shift_change.shift_change, name="desk_shift_change"),
    path("desk/directory", search_page.search, name="desk_directory"),
    path("desk/directory/found/<str:sealed>", search_page.found, name="desk_directory_found"),
    path("desk/directory/list", hand_list.change, name="desk_hand_list"),
    path("desk/directory/list/<str:sealed>", hand_list.shown, name="desk_hand_list_shown"),
    path("desk/directory/list/<str:sealed>/print", hand_list.sheet, name="desk_hand_list_sheet"),
    path("desk/directory/<uuid:service_id>", service_page.service, name="desk_service"),
    path(
        "desk/directory/<uuid:service_id>/mistake",
        mistake_reports.report,
        name="desk_report_mistake",
    ),
    path("desk/referrals/new", notice.new, name="desk_new_referral"),
    path("desk/said_no", notice.said_no, name="desk_said_no"),
    path(ONE, page.referral, name="desk_referral"),
    path(f"{ONE}/sent", page.sent, name="desk_sent"),
    *(path(f"{ONE}/{act}", acts.view(act), name=f"desk_{act}") for act in acts.PAGES),
    path(f"{ONE}/history", page.history, name="desk_history"),
    path(f"{ONE}/slip", given.own, name="desk_slip"),
    path(f"{ONE}/slip/print", given.printed, name="desk_slip_print"),
    path(f"{ONE}/releases", release_pages.releases, name="desk_releases"),
    path(f"{ONE}/signing/<slug:act>", asking.signing, name="desk_signing"),
    path(f"{ONE}/signed", copies.signed_papers, name="desk_signed"),
    path(f"{ONE}/release_paper", release_pages.release_paper, name="desk_release_paper"),
    path(f"{ONE}/returned", release_pages.returned, name="desk_returned"),
    path(f"{ONE}/open_handoff", packet.open_handoff, name="desk_open_handoff"),
    # Practice
    path("desk/practice", practice.practice, name="desk_practice"),
    path("desk/practice/leave", practice.leave, name="desk_practice_leave"),
    path("desk/practice/end", practice.end, name="desk_practice_end"),
    # Who is on call
    path("calendar/<slug:secret>.ics", on_call_feed.calendar, name="on_call_feed"),
    path("desk/on-call", on_call.rota, name="desk_on_call"),
    path("desk/on-call/rotation", on_call.rotation, name="desk_rotation"),
    path("desk/on-call/shifts/new", on_call.add_shift, name="desk_add_shift"),
    path(
        "desk/on-call/shifts/<uuid:shift_id>/remove",
        on_call.remove_shift,
        name="desk_remove_shift",
    ),
    path("desk/on-call/swap", on_call.swap, name="desk_swap"),
    path("desk/on-call/import", on_call.import_file, name="desk_import_shifts"),
    path("desk/uncovered", on_call.uncovered, name="desk_uncovered"),
    *own_entries.urlpatterns,
    *reports.urlpatterns,
    *form_pages.urlpatterns,
    *network_pages.urlpatterns,
    *numbers.urlpatterns,
    *trainings.urlpatterns,
    # Calls, and the log
    path("desk/calls", call_records.own, name="desk_calls"),
    path("desk/calls/new", call_records.new, name="desk_new_call"),
    path("desk/channels", channels.own, name="desk_channels"),
    path(f"{CHANNEL}/remove", channels.remove, name="desk_remove_channel"),
    path("desk/members", members.all_members, name="desk_members"),
    path("desk/members/invite", members.invite, name="desk_invite"),
    path("desk/members/list", invite_list.invite_list, name="desk_invite_list"),
    path(f"{MEMBER}/roles", members.roles, name="desk_member_roles"),
    path(f"{MEMBER}/number", members.staff_number, name="desk_member_number"),
    path(f"{MEMBER}/end", members.end, name="desk_end_member"),
    path(f"{MEMBER}/return", members.bring_back, name="desk_return_member"),
    path(f"{MEMBER}/reset", resets.ask, name="desk_ask_reset"),
    path("desk/resets", resets.waiting, name="desk_resets"),
    path("desk/number", registered_number.own, name="desk_number"),
    path("desk/numbers", registered_number.others, name="desk_numbers"),
    path("desk/told", assignment.told, name="desk_told"),
    path("desk/mistakes", mistakes.to_review, name="desk_mistakes"),
    path("desk/exports", bulk.own, name="desk_exports"),
    path(f"{EXPORT}/confirm", bulk.confirm, name="desk_confirm_export"),
    path(f"{EXPORT}/end", bulk.end, name="desk_end_export"),
    path(f"{EXPORT}/download", bulk.download, name="desk_download_export"),
    path("desk/webhooks", webhooks.own, name="desk_webhooks"),
    path(WEBHOOK, webhooks.one, name="desk_webhook"),
    path(f"{WEBHOOK}/pause", webhooks.pause, name="desk_pause_webhook"),
    path(f"{WEBHOOK}/remove", webhooks.remove, name="desk_remove_webhook"),
    # The agency runs itself
    path("desk/agency/scim", scim_token.own, name="desk_scim"),
    path("desk/agency/scim/end", scim_token.end, name="desk_end_scim"),
    path("desk/agency/systems", systems.own, name="desk_systems"),
    path("desk/agency/systems/new", systems.new, name="desk_new_system"),
    path(SYSTEM, systems.one, name="desk_system"),
    path(f"{SYSTEM}/keys", system_keys.keys, name="desk_system_keys"),
    path(
        f"{SYSTEM}/keys/<slug:thumbprint>/remove",
        system_keys.remove_key,
        name="desk_remove_system_key",
    ),
    path(f"{SYSTEM}/limits", systems.limits, name="desk_system_limits"),
    path(f"{SYSTEM}/end", systems.end, name="desk_end_system"),
    path(f"{SYSTEM}/return", systems.let_return, name="desk_return_system"),
    path("desk/agency/card", agency_card.own, name="desk_card"),
    path("desk/agency/card/print", agency_card.printed, name="desk_card_print"),
    path(SIGN_IN, agency_sign_in.own, name="desk_agency_sign_in"),
    path(f"{SIGN_IN}/test", agency_sign_in.test, name="desk_test_agency_sign_in"),
    path(f"{SIGN_IN}/on", agency_sign_in.switch_on, name="desk_agency_sign_in_on"),
    path(f"{SIGN_IN}/off", agency_sign_in.switch_off, name="desk_agency_sign_in_off"),
    path(f"{SIGN_IN}/remove", agency_sign_in.remove, name="desk_remove_agency_sign_in"),
    path(
        f"{SIGN_IN}/members/<uuid:member_id>/unlink",
        agency_sign_in.unlink,
        name="desk_unlink_agency_sign_in",
    ),
    path("desk/agency/settings", agency_settings.own, name="desk_agency_settings"),
    path("desk/agency/settings/retention", agency_settings.retention, name="desk_agency_retention"),
    path(
        "desk/agency/settings/retention/<int:days>",
        agency_settings.retention_days,
        name="desk_agency_retention_days",
    ),
    path("desk/agency/terms", network_terms.own, name="desk_terms"),
    path("desk/rights-counts", rights_counts.counts, name="desk_rights_counts"),
    path("desk/agency/notice-opinion", notice_opinion.own, name="desk_notice_opinion"),
    path("desk/agency/changes", agency_changes.changes, name="desk_agency_changes"),
    path("desk/access-log", access_log.access_log, name="desk_access_log"),
    path("desk/access-log/export", access_log.export, name="desk_log_export"),
    path("desk/access-log/counts", statistics.counts, name="desk_log_counts"),
    path("desk/access-log/seals", statistics.seals, name="desk_log_seals"),
    path("desk/access-log/readers", statistics.readers, name="desk_log_readers"),
]
