"""Every route that the process serves, and how each is asked by one of the cast."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from directory import vocabulary
from directory.demo import loader
from directory.importing.parsing import id_of
from tests.support import routes
from tests.support.callers import Caller, agency_id
from tests.support.database import phone_only_service
from tests.support.desk_pages import at_the_desk
from tests.support.http_client import HttpClient
from tests.support.markers import Kept
from tests.support.stories import PACKET, Story, release_body, return_body, service_of

R = "v1/referrals/<uuid:referral_id>"
D = "desk/referrals/<uuid:referral_id>"
W = "v1/webhooks/<uuid:webhook_id>"

API_WHO = (
    *("none", "police.worker", "police.worker2", "police.lead", "police.admin", "police.auditor"),
    *("police.client", "ywca.worker", "ywca.worker2", "ywca.lead", "ywca.auditor"),
    *("outsider.worker", "taskforce.coordinator"),
)

#                              none police                        ywca                out task
#                                   work wrk2 lead admn audi clnt work wrk2 lead audi work coor
API = f"""
GET  v1/directory               200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/services      200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/services/<uuid:service_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/directory/services      200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/organizations \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/directory/organizations \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/organizations/<uuid:organization_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/service_at_locations \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/directory/service_at_locations \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/service_at_locations/<uuid:place_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/taxonomies    200  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/directory/taxonomies    200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/taxonomies/<uuid:taxonomy_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/taxonomy_terms \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/directory/taxonomy_terms \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/taxonomy_terms/<uuid:term_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
PUT    v1/directory/services/<uuid:service_id> \
                                401  403  403  403  403  403  403  403  403  200  403  403  403
PATCH  v1/directory/services/<uuid:service_id> \
                                401  403  403  403  403  403  403  403  403  200  403  403  403
DELETE v1/directory/services/<uuid:service_id> \
                                401  403  403  403  403  403  403  403  403  428  403  403  403
PUT    v1/directory/organizations/<uuid:organization_id> \
                                401  403  403  403  403  403  403  403  403  200  403  403  403
PATCH  v1/directory/organizations/<uuid:organization_id> \
                                401  403  403  403  403  403  403  403  403  200  403  403  403
GET    v1/directory/organizations/<uuid:organization_id>/history \
                                401  403  403  403  403  403  403  403  403  200  403  403  403
GET    v1/directory/locations/<uuid:location_id> \
                                401  404  404  404  404  404  404  404  404  200  404  404  404
PUT    v1/directory/locations/<uuid:location_id> \
                                401  404  404  404  404  404  404  404  404  200  404  404  404
PATCH  v1/directory/locations/<uuid:location_id> \
                                401  404  404  404  404  404  404  404  404  200  404  404  404
DELETE v1/directory/locations/<uuid:location_id> \
                                401  404  404  404  404  404  404  404  404  428  404  404  404
GET    v1/directory/locations/<uuid:location_id>/confidential_address \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
PUT    v1/directory/locations/<uuid:location_id>/confidential_address \
                                401  404  404  404  404  404  404  404  404  409  404  404  404
DELETE v1/directory/locations/<uuid:location_id>/confidential_address \
                                401  404  404  404  404  404  404  404  404  204  404  404  404
GET    v1/directory/reviews \
                                401  403  403  200  403  403  403  403  403  200  403  403  403
GET    v1/directory/changes \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/profile       200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/profile/<slug:name>.json \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/directory/schema/<slug:name>.json \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/codes                   200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/referrals/transitions   200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/referrals               401  200  200  200  200  200  200  200  200  200  200  200  200
POST v1/referrals               401  201  201  201  403  403  201  409  409  409  403  201  403
GET  {R}                        401  200  200  200  404  404  200  200  200  200  404  404  404
GET  {R}/history                401  200  200  200  404  404  200  200  200  200  404  404  404
GET  {R}/releases               401  200  403  200  404  404  200  200  403  200  404  404  404
POST {R}/put_notice             401  409  403  403  404  404  409  403  403  403  404  404  404
POST {R}/put_release            401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/put_packet             401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/send                   401  409  403  403  404  404  409  403  403  403  404  404  404
POST {R}/acknowledge            401  403  403  403  404  404  403  409  409  409  404  404  404
POST {R}/accept                 401  403  403  403  404  404  403  200  409  409  404  404  404
POST {R}/decline                401  403  403  403  404  404  403  409  409  409  404  404  404
POST {R}/start_handoff          401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/call_me                401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/set_callback           401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/handoff_failed         401  403  403  403  404  404  403  409  403  403  404  404  404
POST {R}/record_attempt         401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/delivered              401  403  403  403  404  404  403  403  403  403  404  404  404
POST {R}/complete               401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/unable                 401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/withdraw               401  200  403  200  404  404  200  403  403  403  404  404  404
POST {R}/mark_error             401  200  403  200  404  404  200  403  403  403  404  404  404
POST {R}/set_external_ref       401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/set_plan               401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/same_person_as         401  403  403  403  404  404  403  409  403  403  404  404  404
POST {R}/revoke_release         401  200  403  200  404  404  200  200  403  200  404  404  404
POST {R}/narrow_release         401  200  403  200  404  404  200  200  403  200  404  404  404
GET  {R}/returned               401  200  403  200  404  404  200  403  403  403  404  404  404
POST {R}/put_return_release     401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/revoke_return_release  401  409  403  409  404  404  409  409  403  409  404  404  404
POST {R}/stop                   401  200  403  200  404  404  200  200  403  200  404  404  404
POST {R}/assign                 401  409  403  409  404  404  409  409  403  409  404  404  404
POST {R}/hand_over              401  409  403  409  404  404  409  409  403  409  404  404  404
POST {R}/take_over              401  403  403  200  404  404  403  403  403  200  404  404  404
POST {R}/set_hold               401  403  403  200  404  404  403  403  403  200  404  404  404
POST {R}/end_hold               401  403  403  200  404  404  403  403  403  200  404  404  404
POST {R}/block                  401  409  403  409  404  404  409  409  403  409  404  404  404
POST {R}/unblock                401  200  403  200  404  404  200  200  403  200  404  404  404
POST {R}/leads_only             401  200  403  200  404  404  200  403  403  200  404  404  404
POST {R}/end_leads_only         401  200  403  200  404  404  200  403  403  200  404  404  404
POST {R}/open_packet            401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/account_disclosures    401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/add_note               401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/record_report          401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/record_disclosure      401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/open_notes             401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/open_handoff           401  200  403  403  404  404  200  200  403  403  404  404  404
GET  v1/agreement-tally         401  200  200  200  403  403  200  200  200  200  403  200  403
POST v1/agreement-tally         401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/call-records            401  200  200  200  403  403  200  200  200  200  403  200  403
POST v1/call-records            401  201  201  201  403  403  201  201  201  201  403  201  403
GET  v1/mistakes                401  403  403  200  403  403  403  403  403  200  403  403  403
GET  v1/channels                401  200  200  200  200  200  403  200  200  200  200  200  200
POST v1/channels                401  201  201  201  201  201  403  201  201  201  201  201  201
DELETE v1/channels/<uuid:channel_id> \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
POST v1/channels/<uuid:channel_id>/ring \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
POST v1/channels/<uuid:channel_id>/arrived \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
POST v1/duty                    401  200  200  200  200  200  403  200  200  200  200  200  200
GET  v1/messages                401  200  200  200  200  200  403  200  200  200  200  200  200
POST v1/messages/<uuid:message_id>/retry \
                                401  404  404  404  404  404  403  404  404  404  404  404  404
GET  v1/barred-attempts         401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/self-assignments        401  200  200  200  403  200  200  200  200  200  200  200  403
GET  v1/events                  401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/webhooks                401  403  403  403  200  403  200  403  403  403  403  403  403
POST v1/webhooks                401  403  403  403  400  403  400  403  403  403  403  403  403
GET    {W}                      401  403  403  403  404  403  404  403  403  403  403  403  403
PATCH  {W}                      401  403  403  403  404  403  404  403  403  403  403  403  403
DELETE {W}                      401  403  403  403  404  403  404  403  403  403  403  403  403
POST {W}/rotate                 401  403  403  403  404  403  404  403  403  403  403  403  403
POST {W}/ping                   401  403  403  403  404  403  404  403  403  403  403  403  403
POST {W}/replay                 401  403  403  403  404  403  404  403  403  403  403  403  403
GET  {W}/deliveries             401  403  403  403  404  403  404  403  403  403  403  403  403
GET  v1/access-log/checkpoints  401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/keys         200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/access-log/verifier.py  200  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/access-log/<uuid:entry_id>/proof \
                                401  409  409  409  409  409  409  409  409  409  409  409  409
GET  v1/access-log              401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/export       401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/counts       401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/listings     401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/seals        401  403  403  403  403  200  403  403  403  403  200  403  403
POST v1/access-log/seals/verify 401  403  403  403  403  200  403  403  403  403  200  403  403
GET  v1/access-log/opt-ins      401  403  403  403  200  200  403  403  403  403  200  403  403
POST v1/access-log/opt-ins      401  403  403  403  201  403  403  403  403  403  403  403  403
DELETE v1/access-log/opt-ins/<uuid:opt_in_id> \
                                401  403  403  403  404  403  403  403  403  403  403  403  403
"""

DESK_WHO = (
    *("none", "police.worker", "police.worker2", "police.lead", "police.auditor"),
    *("ywca.worker", "ywca.worker2", "outsider.worker"),
)

# 302: to sign in; back to the referral, where the act is not hers now; to the form once more, where
# it has private words. 200 at `assign` and `hand_over` for everybody: the form once more, since it
# knows the members of her own agency only; at `narrow_release` for a colleague: it offers what she
# is shown.
#                              none police              ywca     outsider
#                                   work wrk2 lead audi work wrk2 work
DESK = f"""
POST oauth/token                400  400  400  400  400  400  400  400
GET  docs                       200  200  200  200  200  200  200  200
GET  docs/v1.yaml               200  200  200  200  200  200  200  200
GET  healthz                    200  200  200  200  200  200  200  200
GET  /                          200  200  200  200  200  200  200  200
GET  directory                  200  200  200  200  200  200  200  200
GET  directory/guide            200  200  200  200  200  200  200  200
GET  directory/<uuid:service_id> \
                                200  200  200  200  200  200  200  200
GET  problems/<slug:code>       200  200  200  200  200  200  200  200
GET  accounts/login             200  302  302  302  302  302  302  302
POST accounts/login             200  302  302  302  302  302  302  302
GET  accounts/code              302  302  302  302  302  302  302  302
POST accounts/code              302  302  302  302  302  302  302  302
GET  accounts/inactive          403  403  403  403  403  403  403  403
GET  accounts/logout            200  200  200  200  200  200  200  200
POST accounts/logout            302  302  302  302  302  302  302  302
POST leave                      303  303  303  303  303  303  303  303
GET  desk/agency                302  403  403  403  403  403  403  403
POST desk/agency                302  403  403  403  403  403  403  403
GET  desk/                      302  200  200  200  302  200  200  200
GET  desk/directory             302  200  200  200  200  200  200  200
GET  desk/directory/<uuid:service_id> \
                                302  200  200  200  200  200  200  200
POST directory                  302  302  302  302  302  302  302  302
GET  directory/found/<str:sealed> \
                                200  200  200  200  200  200  200  200
GET  who-sees-what              200  200  200  200  200  200  200  200
GET  safety                     200  200  200  200  200  200  200  200
POST desk/directory             302  302  302  302  302  302  302  302
GET  desk/directory/found/<str:sealed> \
                                302  200  200  200  200  200  200  200
GET  desk/entries               302  403  403  200  403  403  403  403
GET  desk/entries/<uuid:service_id> \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/pause \
                                302  302  302  302  302  302  302  302
GET  desk/entries/<uuid:service_id>/capacity \
                                302  302  302  302  302  302  302  302
GET  desk/entries/<uuid:service_id>/checked \
                                302  302  302  302  302  302  302  302
GET  desk/entries/<uuid:service_id>/history \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/edit \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/pause \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/capacity \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/checked \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/edit \
                                302  403  403  403  403  403  403  403
GET  desk/places/<uuid:location_id>/address \
                                302  200  200  200  404  200  200  200
POST desk/places/<uuid:location_id>/address \
                                302  404  404  404  404  404  404  404
GET  desk/places/<uuid:location_id>/address/put \
                                302  403  403  200  403  403  403  403
POST desk/places/<uuid:location_id>/address/put \
                                302  403  403  302  403  403  403  403
GET  desk/referrals/new         302  200  200  200  403  200  200  200
POST desk/referrals/new         302  302  302  302  403  409  409  302
POST desk/said_no               302  200  200  200  403  200  200  200
GET  desk/calls                 302  200  200  200  403  200  200  200
GET  desk/calls/new             302  200  200  200  200  200  200  200
POST desk/calls/new             302  302  302  302  403  302  302  302
GET  desk/channels              302  200  200  200  200  200  200  200
POST desk/channels              302  302  302  302  302  302  302  302
GET  demo/messages              200  200  200  200  200  200  200  200
GET  desk/told                  302  200  200  200  200  200  200  200
GET  desk/mistakes              302  403  403  200  403  403  403  403
GET  desk/webhooks              302  403  403  403  403  403  403  403
POST desk/webhooks              302  403  403  403  403  403  403  403
GET  desk/webhooks/<uuid:webhook_id> \
                                302  403  403  403  403  403  403  403
POST desk/webhooks/<uuid:webhook_id> \
                                302  403  403  403  403  403  403  403
GET  desk/access-log            302  403  403  403  200  403  403  403
GET  desk/access-log/export     302  403  403  403  200  403  403  403
GET  desk/access-log/counts     302  403  403  403  200  403  403  403
GET  desk/access-log/seals      302  403  403  403  200  403  403  403
POST desk/access-log/seals      302  403  403  403  200  403  403  403
GET  desk/access-log/readers    302  403  403  403  200  403  403  403
POST desk/access-log/readers    302  403  403  403  200  403  403  403
GET  {D}                        302  200  200  200  404  200  200  404
GET  {D}/history                302  200  200  200  404  200  200  404
GET  {D}/sent                   302  200  200  200  404  200  200  404
GET  {D}/put_notice             302  302  302  302  404  302  302  404
POST {D}/put_notice             302  302  403  403  404  403  403  404
GET  {D}/send                   302  302  302  302  404  302  302  404
POST {D}/send                   302  302  302  302  404  302  302  404
GET  {D}/acknowledge            302  302  302  302  302  302  302  302
POST {D}/acknowledge            302  403  403  403  404  409  409  404
GET  {D}/accept                 302  302  302  302  302  302  302  302
POST {D}/accept                 302  403  403  403  404  302  409  404
GET  {D}/decline                302  302  302  302  404  302  302  404
POST {D}/decline                302  403  403  403  404  409  409  404
GET  {D}/put_release            302  200  302  302  404  302  302  404
POST {D}/put_release            302  302  403  403  404  302  302  404
GET  {D}/releases               302  200  403  200  404  200  403  404
GET  {D}/release_paper          302  200  200  200  404  404  404  404
GET  {D}/put_packet             302  200  302  302  404  302  302  404
POST {D}/put_packet             302  302  403  403  404  403  403  404
GET  {D}/open_packet            302  200  302  302  404  200  302  404
POST {D}/open_packet            302  200  403  403  404  200  403  404
GET  {D}/start_handoff          302  302  302  302  404  200  302  404
POST {D}/start_handoff          302  403  403  403  404  302  403  404
GET  {D}/complete               302  302  302  302  404  200  302  404
POST {D}/complete               302  403  403  403  404  302  403  404
GET  {D}/unable                 302  302  302  302  404  200  302  404
POST {D}/unable                 302  403  403  403  404  302  403  404
GET  {D}/withdraw               302  200  302  200  404  302  302  404
POST {D}/withdraw               302  302  403  302  404  403  403  404
GET  {D}/revoke_release         302  200  302  200  404  200  302  404
POST {D}/revoke_release         302  302  403  302  404  302  403  404
GET  {D}/narrow_release         302  200  302  200  404  200  302  404
POST {D}/narrow_release         302  302  200  302  404  302  200  404
GET  {D}/returned               302  200  403  200  404  403  403  404
GET  {D}/put_return_release     302  302  302  302  404  200  302  404
POST {D}/put_return_release     302  302  302  302  404  302  403  404
GET  {D}/revoke_return_release  302  200  302  200  404  200  302  404
POST {D}/revoke_return_release  302  409  403  409  404  409  403  404
GET  {D}/stop                   302  200  302  200  404  200  302  404
POST {D}/stop                   302  302  403  302  404  302  403  404
GET  {D}/add_note               302  200  302  302  404  200  302  404
POST {D}/add_note               302  302  403  403  404  302  403  404
GET  {D}/call_me                302  302  302  302  302  302  302  302
POST {D}/call_me                302  302  403  403  404  302  403  404
GET  {D}/set_callback           302  200  302  302  404  302  302  404
POST {D}/set_callback           302  302  403  403  404  403  403  404
GET  {D}/handoff_failed         302  302  302  302  404  302  302  404
POST {D}/handoff_failed         302  403  403  403  404  409  403  404
GET  {D}/record_attempt         302  200  302  302  404  200  302  404
POST {D}/record_attempt         302  302  403  403  404  302  403  404
GET  {D}/mark_error             302  200  302  200  404  302  302  404
POST {D}/mark_error             302  302  403  302  404  403  403  404
GET  {D}/set_external_ref       302  200  302  302  404  200  302  404
POST {D}/set_external_ref       302  302  403  403  404  302  403  404
GET  {D}/set_plan               302  200  302  302  404  302  302  404
POST {D}/set_plan               302  302  403  403  404  403  403  404
GET  {D}/same_person_as         302  302  302  302  404  200  302  404
POST {D}/same_person_as         302  403  403  403  404  302  403  404
GET  {D}/assign                 302  200  302  200  404  200  302  404
POST {D}/assign                 302  200  200  200  404  200  200  404
GET  {D}/hand_over              302  200  302  200  404  200  302  404
POST {D}/hand_over              302  200  200  200  404  200  200  404
GET  {D}/take_over              302  302  302  200  404  302  302  404
POST {D}/take_over              302  403  403  302  404  403  403  404
GET  {D}/set_hold               302  302  302  200  404  302  302  404
POST {D}/set_hold               302  403  403  302  404  403  403  404
GET  {D}/end_hold               302  302  302  200  404  302  302  404
POST {D}/end_hold               302  403  403  302  404  403  403  404
GET  {D}/record_report          302  200  302  302  404  200  302  404
POST {D}/record_report          302  302  403  403  404  302  403  404
GET  {D}/record_disclosure      302  200  302  302  404  200  302  404
POST {D}/record_disclosure      302  302  403  403  404  302  403  404
GET  {D}/block                  302  200  302  200  404  200  302  404
POST {D}/block                  302  200  200  200  404  200  200  404
GET  {D}/unblock                302  200  302  200  404  200  302  404
POST {D}/unblock                302  200  200  200  404  200  200  404
GET  {D}/leads_only             302  200  302  200  404  302  302  404
POST {D}/leads_only             302  302  403  302  404  403  403  404
GET  {D}/end_leads_only         302  200  302  200  404  302  302  404
POST {D}/end_leads_only         302  302  403  302  404  403  403  404
GET  {D}/account_disclosures    302  200  302  302  404  200  302  404
POST {D}/account_disclosures    302  200  403  403  404  200  403  404
GET  {D}/open_notes             302  200  302  302  404  200  302  404
POST {D}/open_notes             302  200  403  403  404  200  403  404
GET  {D}/open_handoff           302  200  302  302  404  200  302  404
POST {D}/open_handoff           302  200  403  403  404  200  403  404
"""

# The agency is chosen once password *and* code were given: these sessions have neither.
SIGNS_OUT = ("accounts/logout", "leave", "desk/agency")
Row = tuple[str, str]  # method, route


def table(text: str, who: tuple[str, ...]) -> dict[Row, dict[str, int]]:
    rows: dict[Row, dict[str, int]] = {}
    for line in text.strip().splitlines():
        method, route, *expected = line.split()
        row = (method, "" if route == "/" else route)
        assert row not in rows, row
        assert len(expected) == len(who), row
        rows[row] = dict(zip(who, map(int, expected), strict=True))
    return rows


API_ROWS, DESK_ROWS = table(API, API_WHO), table(DESK, DESK_WHO)


class TryOut:
    """The referral that everybody tries."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.service, self.by_phone = service_of("ywca"), phone_only_service()
        self.begin()

    def begin(self) -> None:
        self.story = Story(self.api, self.service).accept().release(*PACKET).packet(**PACKET)

    def address(self, route: str) -> str:
        queries = {
            "desk/referrals/new": f"service={self.service}",
            "desk/calls/new": f"service={self.by_phone}",
            "desk/access-log/export": "format=csv",
            "v1/access-log/counts": "month=2026-01",
            "v1/access-log/listings": f"referral_id={self.story.id}",
        }
        path = routes.filled(
            route,
            referral_id=self.story.id,
            service_id=self.service,
            organization_id=str(id_of(loader.SOURCE, "organization", "shelter")),
            place_id=str(
                id_of(loader.SOURCE, "service_at_location", "shelter-advocacy-at-shelter-office")
            ),
            taxonomy_id=str(vocabulary.taxonomy_id("needs")),
            term_id=str(vocabulary.term_id("needs", "housing")),
            location_id=str(id_of(loader.SOURCE, "location", "shelter-office")),
            name="service",
        )
        return path + (f"?{queries[route]}" if route in queries else "")


@pytest.fixture
def try_out(api: Any) -> TryOut:
    return TryOut(api)


@pytest.fixture
def put_back(try_out: TryOut, superuser: Any) -> Iterator[Callable[[str, str, Any], None]]:
    """Undoes what somebody did to the referral: the next one tries it as it was."""
    kept = Kept(superuser)

    def undo(method: str, route: str, answer: Any) -> None:
        if method == "POST" and "referral_id" in route and answer.status_code in (200, 201, 302):
            kept.put_back()

    yield undo
    kept.forget()


def ask(caller: Caller, method: str, path: str, try_out: TryOut, route: str) -> Any:
    """What is put is what is read, so that it changes nothing; what is removed is not matched."""
    match method:
        case "GET":
            return caller.get(path)
        case "DELETE":
            return caller.delete(path)
        case "PUT" if route.endswith("confidential_address"):
            return caller.put(path, {"address_1": "1 Invented St", "city": "Missoula"})
        case "PUT":
            return caller.put(path, try_out.api("ywca.lead").get(path).json())
        case "PATCH":
            return caller.patch(path, {})
    return caller.post(path, body(try_out, route))


def acting_of(who: str) -> str | None:
    return who.replace("client", "worker") if who.endswith("client") else None


ELSEWHERE: dict[str, Any] = {
    "v1/agreement-tally": {},
    "v1/channels": {"kind": "sms", "address": "406-555-0174"},
    "v1/channels/<uuid:channel_id>/arrived": {"arrived": True},
    "v1/duty": {"duty": "reachable"},
    "v1/webhooks": {"url": "https://receiver.invalid/hook"},
    f"{W}/replay": {"event_id": routes.NOBODY},
    "v1/access-log/opt-ins": {
        "to_agency_id": str(agency_id("taskforce")),
        "ends_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    },
}


def body(try_out: TryOut, route: str) -> Any:
    """What is posted to a route; of no use to one that is only read."""
    if route == "v1/referrals":
        return routes.BODIES["put_notice"] | {"service_id": try_out.service}
    if route == "v1/call-records":
        return {"service_id": try_out.by_phone, "outcome": "full", "put_through": False}
    if route in ELSEWHERE:
        return ELSEWHERE[route]
    act = route.rsplit("/", 1)[1]
    known = routes.READ_AS.get(act, act) in routes.BODIES
    return routes.body_for(route) if known else None


def browser(who: str) -> HttpClient:
    """Signed in, and with every form's token: what is tried here is who may."""
    return HttpClient() if who == "none" else at_the_desk(who, csrf=False).http


def form(try_out: TryOut, route: str) -> dict[str, Any]:
    act = route.rsplit("/", 1)[-1]
    if route == "desk/channels":
        return {"what": "duty", "which": "reachable"}
    if route in ("desk/referrals/new", "desk/calls/new"):
        calls = route == "desk/calls/new"
        key = "01890000-0000-7000-8000-000000000001"
        common = {"key": key, "service": try_out.by_phone if calls else try_out.service}
        if calls:
            return common | {"outcome": "full", "put_through": "no"}
        return common | dict(routes.BODIES["put_notice"]) | {"wanted": "call_worker", "draft": "1"}
    if act in ("put_release", "put_return_release"):
        returns = act == "put_return_release"
        release = return_body("connected") if returns else release_body("name")
        return {
            **{name: release[name] for name in ("basis", "purpose", "form", "attestations")},
            "fields_": release["fields"],
            "signed_at": f"{datetime.now(ZoneInfo('America/Denver')):%Y-%m-%dT%H:%M}",
            "lasts": "7",
            "consenters": ["self"],
            "adult": "on",
        }
    if act == "said_no":
        return {"service": try_out.service}
    if act == "account_disclosures":
        return dict(routes.BODIES[act]) | {"language": "en"}
    if act == "narrow_release":
        return {"fields_": ["name"], "ends": "as_it_is"}
    if act == "put_packet":
        return {"name": "Invented Person"}
    found = dict(routes.BODIES.get(routes.READ_AS.get(act, act)) or {})
    if act == "put_notice":
        found |= {"wanted": "call_worker"}
    if act in ("hand_over", "take_over"):
        found |= {"keep": "no"}
    if act in ("record_report", "record_disclosure"):
        found |= {"at": "2026-01-01T02:45"}
    if act == "same_person_as":
        found |= {"address": found.pop("referral_id")}
    once = ("add_note", "set_external_ref", "same_person_as")
    if act in once or act.startswith("record_"):
        found |= {"key": "01890000-0000-7000-8000-000000000002"}
    return found


def served() -> set[Row]:
    """What is served: a view that is a function is asked which methods it answers."""
    rows = set()
    for route, pattern in routes.served():
        methods = routes.methods_of(pattern)
        if not hasattr(pattern.callback, "view_class"):
            methods = {one for one in ("GET", "POST") if _answers(route, one)}
        rows |= {(method, route) for method in methods}
    return rows


def _answers(route: str, method: str) -> bool:
    answer = HttpClient().generic(method, routes.filled(route))
    answer.close()
    return bool(answer.status_code != 405)
