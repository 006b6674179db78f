"""The JSON API at a glance."""

from django.urls import path

from api.v1 import codes
from api.v1.agency import channels, events, self_assignments, webhooks
from api.v1.audit import access_log, ledger
from api.v1.directory import changes, editing, profile, search, upkeep
from api.v1.referrals import acts, agreement, call_records, mistakes, packets, referrals, releases
from referrals.act_registry.registry import ACTS

urlpatterns = [
    # Django matches from top to bottom: the most requested paths are first, the directory last.
    path("referrals", referrals.Referrals.as_view()),
    acts.route("open_packet"),
    path("codes", codes.Codes.as_view()),
    path("referrals/transitions", referrals.Transitions.as_view()),
    path("referrals/<uuid:referral_id>", referrals.ReferralDetail.as_view()),
    path("referrals/<uuid:referral_id>/history", referrals.History.as_view()),
    path("referrals/<uuid:referral_id>/releases", releases.Releases.as_view()),
    *(acts.route(name) for name in ACTS if name not in {"open_packet", *acts.ELSEWHERE}),
    path("referrals/<uuid:referral_id>/returned", releases.ReadReturned.as_view()),
    path("referrals/<uuid:referral_id>/open_handoff", packets.OpenHandoff.as_view()),
    path("agreement-tally", agreement.AgreementTally.as_view()),
    path("call-records", call_records.CallRecords.as_view()),
    path("mistakes", mistakes.Mistakes.as_view()),
    path("channels", channels.Channels.as_view()),
    path("channels/<uuid:channel_id>", channels.Channel.as_view()),
    path("channels/<uuid:channel_id>/ring", channels.RingChannel.as_view()),
    path("channels/<uuid:channel_id>/arrived", channels.ChannelArrived.as_view()),
    path("duty", channels.Duty.as_view()),
    path("messages", channels.Messages.as_view()),
    path("messages/<uuid:message_id>/retry", channels.RetryMessage.as_view()),
    path("barred-attempts", self_assignments.BarredAttempts.as_view()),
    path("self-assignments", self_assignments.SelfAssignments.as_view()),
    path("events", events.Events.as_view()),
    path("webhooks", webhooks.Webhooks.as_view()),
    path("webhooks/<uuid:webhook_id>", webhooks.OneWebhook.as_view()),
    path("webhooks/<uuid:webhook_id>/rotate", webhooks.Rotate.as_view()),
    path("webhooks/<uuid:webhook_id>/ping", webhooks.Ping.as_view()),
    path("webhooks/<uuid:webhook_id>/replay", webhooks.Replay.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.Deliveries.as_view()),
    path("access-log", access_log.AccessLog.as_view()),
    path("access-log/export", access_log.AccessLogExport.as_view()),
    path("access-log/counts", access_log.Counts.as_view()),
    path("access-log/listings", access_log.Listings.as_view()),
    path("access-log/opt-ins", access_log.OptIns.as_view()),
    path("access-log/opt-ins/<uuid:opt_in_id>", access_log.OneOptIn.as_view()),
    path("access-log/seals", ledger.Seals.as_view()),
    path("access-log/seals/verify", ledger.Verify.as_view()),
    path("access-log/checkpoints", ledger.Checkpoints.as_view()),
    path("access-log/keys", ledger.SigningKeys.as_view()),
    path("access-log/verifier.py", ledger.Verifier.as_view()),
    path("access-log/<uuid:entry_id>/proof", ledger.InclusionProof.as_view()),
    path("directory", search.DirectoryRoot.as_view()),
    path("directory/services", search.ServiceList.as_view()),
    path("directory/services/<uuid:service_id>", search.ServiceDetail.as_view()),
    path("directory/organizations", search.OrganizationList.as_view()),
    path("directory/organizations/<uuid:organization_id>", search.OrganizationDetail.as_view()),
    path("directory/locations/<uuid:location_id>", editing.LocationEditing.as_view()),
    path(
        "directory/locations/<uuid:location_id>/confidential_address",
        upkeep.ConfidentialAddress.as_view(),
    ),
    path(
        "directory/organizations/<uuid:organization_id>/history",
        upkeep.History.as_view(),
    ),
    path("directory/reviews", upkeep.Reviews.as_view()),
    path("directory/changes", changes.Changes.as_view()),
    path("directory/service_at_locations", search.PlaceList.as_view()),
    path("directory/service_at_locations/<uuid:place_id>", search.PlaceDetail.as_view()),
    path("directory/taxonomies", search.TaxonomyList.as_view()),
    path("directory/taxonomies/<uuid:taxonomy_id>", search.TaxonomyDetail.as_view()),
    path("directory/taxonomy_terms", search.TermList.as_view()),
    path("directory/taxonomy_terms/<uuid:term_id>", search.TermDetail.as_view()),
    path("directory/profile", profile.ProfileIndex.as_view()),
    path("directory/profile/<slug:name>.json", profile.ProfilePatch.as_view()),
    path("directory/schema/<slug:name>.json", profile.MergedSchema.as_view()),
]
