"""The JSON API at a glance."""

from django.urls import path

from api.v1 import access_log, calls, codes, directory, referrals

urlpatterns = [
    path("directory", directory.DirectoryRoot.as_view()),
    path("directory/services", directory.ServiceList.as_view()),
    path("directory/services/<uuid:service_id>", directory.ServiceDetail.as_view()),
    path("directory/organizations", directory.OrganizationList.as_view()),
    path("directory/organizations/<uuid:organization_id>", directory.OrganizationDetail.as_view()),
    path("directory/service_at_locations", directory.PlaceList.as_view()),
    path("directory/service_at_locations/<uuid:place_id>", directory.PlaceDetail.as_view()),
    path("directory/taxonomies", directory.TaxonomyList.as_view()),
    path("directory/taxonomies/<uuid:taxonomy_id>", directory.TaxonomyDetail.as_view()),
    path("directory/taxonomy_terms", directory.TermList.as_view()),
    path("directory/taxonomy_terms/<uuid:term_id>", directory.TermDetail.as_view()),
    path("codes", codes.Codes.as_view()),
    path("referrals", referrals.Referrals.as_view()),
    path("referrals/transitions", referrals.Transitions.as_view()),
    path("referrals/<uuid:referral_id>", referrals.ReferralDetail.as_view()),
    path("referrals/<uuid:referral_id>/history", referrals.History.as_view()),
    path("referrals/<uuid:referral_id>/put_notice", referrals.PutNotice.as_view()),
    path("referrals/<uuid:referral_id>/put_release", referrals.PutRelease.as_view()),
    path("referrals/<uuid:referral_id>/put_packet", referrals.PutPacket.as_view()),
    path("referrals/<uuid:referral_id>/send", referrals.Send.as_view()),
    path("referrals/<uuid:referral_id>/acknowledge", referrals.Acknowledge.as_view()),
    path("referrals/<uuid:referral_id>/accept", referrals.Accept.as_view()),
    path("referrals/<uuid:referral_id>/decline", referrals.Decline.as_view()),
    path("referrals/<uuid:referral_id>/start_handoff", referrals.StartHandoff.as_view()),
    path("referrals/<uuid:referral_id>/complete", referrals.Complete.as_view()),
    path("referrals/<uuid:referral_id>/unable", referrals.Unable.as_view()),
    path("referrals/<uuid:referral_id>/withdraw", referrals.Withdraw.as_view()),
    path("referrals/<uuid:referral_id>/revoke_release", referrals.RevokeRelease.as_view()),
    path("referrals/<uuid:referral_id>/stop", referrals.Stop.as_view()),
    path("referrals/<uuid:referral_id>/open_packet", referrals.OpenPacket.as_view()),
    path("referrals/<uuid:referral_id>/add_note", referrals.AddNote.as_view()),
    path("referrals/<uuid:referral_id>/open_notes", referrals.OpenNotes.as_view()),
    path("call-records", calls.CallRecords.as_view()),
    path("access-log", access_log.AccessLog.as_view()),
]
