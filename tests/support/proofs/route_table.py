"""Every route that the process serves, and who of the cast gets which answer."""

R = "v1/referrals/<uuid:referral_id>"
D = "desk/referrals/<uuid:referral_id>"
W = "v1/webhooks/<uuid:webhook_id>"
E = "v1/exports/<uuid:export_id>"
C = "v1/channels/<uuid:channel_id>"
S = "desk/agency/systems/<uuid:system_id>"

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
GET    v1/directory/proposals \
                                401  200  200  200  200  200  200  200  200  200  200  200  200
POST   v1/directory/proposals/<uuid:proposal_id>/approve \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
POST   v1/directory/proposals/<uuid:proposal_id>/reject \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
POST   v1/directory/proposals/<uuid:proposal_id>/publish \
                                401  403  403  404  403  403  403  403  403  404  403  403  403
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
POST {R}/put_notice_release     401  409  403  403  404  404  409  403  403  403  404  404  404
POST {R}/put_release            401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/put_packet             401  200  403  403  404  404  200  403  403  403  404  404  404
POST {R}/send                   401  409  403  403  404  404  409  403  403  403  404  404  404
POST {R}/acknowledge            401  403  403  403  404  404  403  409  409  409  404  404  404
POST {R}/accept                 401  403  403  403  404  404  403  200  409  409  404  404  404
POST {R}/undo_accept            401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/decline                401  403  403  403  404  404  403  409  409  409  404  404  404
POST {R}/start_handoff          401  403  403  403  404  404  403  200  403  403  404  404  404
POST {R}/call_me                401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/called_back            401  200  403  403  404  404  200  200  403  403  404  404  404
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
POST {R}/record_rights          401  201  403  403  404  404  201  201  403  403  404  404  404
POST {R}/open_notes             401  200  403  403  404  404  200  200  403  403  404  404  404
POST {R}/open_handoff           401  200  403  403  404  404  200  200  403  403  404  404  404
POST v1/agreement-tally         401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/call-records            401  200  200  200  403  403  200  200  200  200  403  200  403
POST v1/call-records            401  201  201  201  403  403  201  201  201  201  403  201  403
GET  v1/mistakes                401  403  403  200  403  403  403  403  403  200  403  403  403
GET  v1/channels                401  200  200  200  200  200  403  200  200  200  200  200  200
POST v1/channels                401  201  201  201  201  201  403  201  201  201  201  201  201
DELETE {C}                      401  404  404  404  404  404  404  404  404  404  404  404  404
POST {C}/code                   401  404  404  404  404  404  404  404  404  404  404  404  404
POST {C}/verify                 401  404  404  404  404  404  404  404  404  404  404  404  404
POST {C}/ring                   401  404  404  404  404  404  404  404  404  404  404  404  404
POST {C}/arrived                401  404  404  404  404  404  404  404  404  404  404  404  404
POST v1/duty                    401  200  200  200  200  200  403  200  200  200  200  200  200
GET  v1/messages                401  200  200  200  200  200  403  200  200  200  200  200  200
POST v1/messages/<uuid:message_id>/retry \
                                401  404  404  404  404  404  403  404  404  404  404  404  404
GET  v1/barred-attempts         401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/block-alerts            401  200  200  200  200  200  403  200  200  200  200  200  200
GET  v1/self-assignments        401  200  200  200  200  200  200  200  200  200  200  200  403
GET  v1/rights-counts           401  403  403  200  403  403  403  403  403  200  403  403  200
GET  v1/reports                 401  403  403  200  403  403  403  403  403  200  403  403  403
GET  v1/events                  401  200  200  200  403  403  200  200  200  200  403  200  403
GET  v1/me                      401  200  200  200  200  200  200  200  200  200  200  200  200
GET  v1/members                 401  200  200  200  200  403  200  200  200  200  403  200  403
GET  v1/events/<uuid:event_id>  401  404  404  404  403  403  404  404  404  404  403  404  403
GET  v1/exports                 401  403  403  200  403  403  403  403  403  200  403  403  403
POST v1/exports                 401  403  403  202  403  403  403  403  403  202  403  403  403
GET    {E}                      401  403  403  404  403  403  403  403  403  404  403  403  403
DELETE {E}                      401  403  403  404  403  403  403  403  403  404  403  403  403
GET  {E}/parts/<int:number>     401  403  403  404  403  403  403  403  403  404  403  403  403
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
GET  v1/access-log/<uuid:entry_id>/receipt \
                                401  409  409  409  409  409  409  409  409  409  409  409  409
GET  v1/access-log/<uuid:entry_id>/proof \
                                401  403  403  403  403  409  403  403  403  403  409  403  403
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
POST fhir                       401  200  200  200  403  403  200  409  409  409  403  200  403
POST fhir/                      401  200  200  200  403  403  200  409  409  409  403  200  403
GET  fhir/metadata              200  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/.well-known/smart-configuration \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/CodeSystem/<slug:name> \
                                404  404  404  404  404  404  404  404  404  404  404  404  404
GET  fhir/Task                  401  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/Task/<uuid:referral_id> \
                                401  200  200  200  404  404  200  200  200  200  404  404  404
PUT  fhir/Task/<uuid:referral_id> \
                                401  400  400  400  404  404  400  200  409  409  404  404  404
GET  fhir/ServiceRequest        401  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/ServiceRequest/<uuid:referral_id> \
                                401  200  200  200  404  404  200  200  200  200  404  404  404
GET  fhir/Consent               401  400  400  400  400  400  400  400  400  400  400  400  400
GET  fhir/Consent/<uuid:release_id> \
                                401  404  404  404  404  404  404  404  404  404  404  404  404
GET  fhir/AuditEvent            401  403  403  403  403  200  403  403  403  403  200  403  403
GET  fhir/Subscription          401  403  403  403  200  403  200  403  403  403  403  403  403
POST fhir/Subscription          401  403  403  403  400  403  400  403  403  403  403  403  403
GET    fhir/Subscription/<uuid:webhook_id> \
                                401  403  403  403  404  403  404  403  403  403  403  403  403
PUT    fhir/Subscription/<uuid:webhook_id> \
                                401  400  400  400  400  400  400  400  400  400  400  400  400
DELETE fhir/Subscription/<uuid:webhook_id> \
                                401  403  403  403  404  403  404  403  403  403  403  403  403
GET  fhir/HealthcareService     200  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/HealthcareService/<uuid:service_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/Location/<uuid:place_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET  fhir/Organization/<uuid:organization_id> \
                                200  200  200  200  200  200  200  200  200  200  200  200  200
GET    scim/v2/Users \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
POST   scim/v2/Users \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/Users/<str:user_id> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
PUT    scim/v2/Users/<str:user_id> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
PATCH  scim/v2/Users/<str:user_id> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
DELETE scim/v2/Users/<str:user_id> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/ServiceProviderConfig \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/ResourceTypes \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/ResourceTypes/<str:name> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/Schemas \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/Schemas/<str:name> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
GET    scim/v2/<path:rest> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
POST   scim/v2/<path:rest> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
PUT    scim/v2/<path:rest> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
PATCH  scim/v2/<path:rest> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
DELETE scim/v2/<path:rest> \
                                401  401  401  401  401  401  401  401  401  401  401  401  401
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
GET  .well-known/oauth-authorization-server \
                                200  200  200  200  200  200  200  200
GET  .well-known/smart-configuration \
                                200  200  200  200  200  200  200  200
GET  .well-known/security.txt   404  404  404  404  404  404  404  404
GET  docs                       200  200  200  200  200  200  200  200
GET  docs/v1.yaml               200  200  200  200  200  200  200  200
GET  docs/hsds.json             200  200  200  200  200  200  200  200
GET  docs/fhir.md               200  200  200  200  200  200  200  200
GET  docs/changes.md            200  200  200  200  200  200  200  200
GET  healthz                    200  200  200  200  200  200  200  200
GET  health/live                200  200  200  200  200  200  200  200
GET  health/ready               200  200  200  200  200  200  200  200
GET  metrics                    200  200  200  200  200  200  200  200
POST metrics                    404  404  404  404  404  404  404  404
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
POST accounts/passkey           302  302  302  302  302  302  302  302
GET  accounts/passkey/options   401  401  401  401  401  401  401  401
GET  accounts/confirm           302  200  200  200  200  200  200  200
POST accounts/confirm           302  200  200  200  200  200  200  200
GET  accounts/passkeys/add      302  302  302  302  302  302  302  302
POST accounts/passkeys/add      302  302  302  302  302  302  302  302
GET  accounts/app               302  302  302  302  302  302  302  302
POST accounts/app               302  302  302  302  302  302  302  302
GET  accounts/recovery-codes    302  302  302  302  302  302  302  302
GET  accounts/inactive          403  403  403  403  403  403  403  403
GET  accounts/logout            200  200  200  200  200  200  200  200
POST accounts/logout            302  302  302  302  302  302  302  302
GET  accounts/agency            200  200  200  200  200  200  200  200
POST accounts/agency            200  200  200  200  200  200  200  200
GET  accounts/agency-back       403  403  403  403  403  403  403  403
GET  accounts/agency/<slug:code> \
                                404  404  404  404  404  404  404  404
GET  accounts/agency/<slug:code>/start \
                                404  302  302  302  302  302  302  302
POST accounts/agency/<slug:code>/ended \
                                400  400  400  400  400  400  400  400
GET  join/agency                302  302  302  302  302  302  302  302
POST language                   302  302  302  302  302  302  302  302
POST leave                      303  303  303  303  303  303  303  303
GET  desk/agency                302  302  302  302  302  302  302  302
POST desk/agency                302  302  302  302  302  302  302  302
GET  desk/locked                302  302  302  302  302  302  302  302
POST desk/locked                302  302  302  302  302  302  302  302
GET  desk/account               302  200  200  200  200  200  200  200
GET  desk/account/passkeys/<int:pk>/name \
                                302  302  302  302  302  302  302  302
POST desk/account/passkeys/<int:pk>/name \
                                302  302  302  302  302  302  302  302
GET  desk/account/passkeys/<int:pk>/remove \
                                302  302  302  302  302  302  302  302
POST desk/account/passkeys/<int:pk>/remove \
                                302  302  302  302  302  302  302  302
GET  desk/account/agency        302  404  404  404  404  404  404  404
GET  desk/account/agency/start  302  404  404  404  404  404  404  404
GET  desk/account/app/remove    302  302  302  302  302  302  302  302
POST desk/account/app/remove    302  302  302  302  302  302  302  302
GET  desk/account/recovery-codes \
                                302  302  302  302  302  302  302  302
POST desk/account/recovery-codes \
                                302  302  302  302  302  302  302  302
GET  desk/account/password      302  302  302  302  302  302  302  302
POST desk/account/password      302  302  302  302  302  302  302  302
GET  desk/account/end-others    302  302  302  302  302  302  302  302
POST desk/account/end-others    302  302  302  302  302  302  302  302
GET  desk/                      302  200  200  200  302  200  200  200
GET  desk/directory             302  200  200  200  200  200  200  200
GET  desk/directory/<uuid:service_id> \
                                302  200  200  200  200  200  200  200
POST directory                  302  302  302  302  302  302  302  302
GET  directory/found/<str:sealed> \
                                200  200  200  200  200  200  200  200
GET  directory/list             302  302  302  302  302  302  302  302
POST directory/list             302  302  302  302  302  302  302  302
GET  directory/list/<str:sealed> \
                                200  200  200  200  200  200  200  200
GET  directory/list/<str:sealed>/print \
                                302  302  302  302  302  302  302  302
GET  directory/<uuid:service_id>/mistake \
                                200  200  200  200  200  200  200  200
POST directory/<uuid:service_id>/mistake \
                                302  302  302  302  302  302  302  302
GET  who-sees-what              200  200  200  200  200  200  200  200
GET  safety                     200  200  200  200  200  200  200  200
GET  manifest.webmanifest       200  200  200  200  200  200  200  200
GET  service-worker.js          200  200  200  200  200  200  200  200
POST desk/directory             302  302  302  302  302  302  302  302
GET  desk/directory/found/<str:sealed> \
                                302  200  200  200  200  200  200  200
GET  desk/directory/list        302  302  302  302  302  302  302  302
POST desk/directory/list        302  302  302  302  302  302  302  302
GET  desk/directory/list/<str:sealed> \
                                302  200  200  200  200  200  200  200
GET  desk/directory/list/<str:sealed>/print \
                                302  302  302  302  302  302  302  302
GET  desk/directory/<uuid:service_id>/mistake \
                                302  200  200  200  200  200  200  200
POST desk/directory/<uuid:service_id>/mistake \
                                302  302  302  302  302  302  302  302
GET  desk/entry-mistakes        302  403  403  200  403  403  403  403
GET  desk/entry-mistakes/<uuid:report_id>/done \
                                302  302  302  302  302  302  302  302
POST desk/entry-mistakes/<uuid:report_id>/done \
                                302  403  403  404  403  403  403  403
GET  desk/entry-checks/<uuid:check_id>/done \
                                302  302  302  302  302  302  302  302
POST desk/entry-checks/<uuid:check_id>/done \
                                302  403  403  404  403  403  403  403
GET  desk/entries               302  403  403  200  403  403  403  403
GET  check/thanks               200  200  200  200  200  200  200  200
GET  check/<str:token>          404  404  404  404  404  404  404  404
POST check/<str:token>          302  302  302  302  302  302  302  302
GET  desk/terms                 302  403  403  403  403  403  403  403
GET  desk/terms/<uuid:term_id>  302  403  403  403  403  403  403  403
POST desk/terms/<uuid:term_id>  302  403  403  403  403  403  403  403
GET  desk/terms/<uuid:term_id>/yes \
                                302  302  302  302  302  302  302  302
POST desk/terms/<uuid:term_id>/yes \
                                302  403  403  403  403  403  403  403
GET  desk/terms/<uuid:term_id>/no \
                                302  302  302  302  302  302  302  302
POST desk/terms/<uuid:term_id>/no \
                                302  403  403  403  403  403  403  403
GET  desk/terms/<uuid:term_id>/undo \
                                302  302  302  302  302  302  302  302
POST desk/terms/<uuid:term_id>/undo \
                                302  403  403  403  403  403  403  403
GET  desk/duplicates            302  403  403  403  403  403  403  403
GET  desk/duplicates/<uuid:pair_id>/first \
                                302  302  302  302  302  302  302  302
POST desk/duplicates/<uuid:pair_id>/first \
                                302  403  403  403  403  403  403  403
GET  desk/duplicates/<uuid:pair_id>/second \
                                302  302  302  302  302  302  302  302
POST desk/duplicates/<uuid:pair_id>/second \
                                302  403  403  403  403  403  403  403
GET  desk/duplicates/<uuid:pair_id>/different \
                                302  302  302  302  302  302  302  302
POST desk/duplicates/<uuid:pair_id>/different \
                                302  403  403  403  403  403  403  403
GET  desk/duplicates/<uuid:pair_id>/undo \
                                302  302  302  302  302  302  302  302
POST desk/duplicates/<uuid:pair_id>/undo \
                                302  403  403  403  403  403  403  403
GET  desk/reports               302  403  403  200  403  403  403  403
POST desk/reports/name          302  403  403  302  403  403  403  403
GET  desk/reports/print         302  403  403  200  403  403  403  403
GET  desk/reports/figures.csv   302  403  403  200  403  403  403  403
GET  desk/reports/figures.xlsx  302  403  403  200  403  403  403  403
GET  desk/reports/forms         302  403  403  200  403  403  403  403
GET  desk/reports/forms/<slug:form_id> \
                                302  403  403  404  403  403  403  403
GET  desk/reports/forms/<slug:form_id>/figures.csv \
                                302  403  403  404  403  403  403  403
GET  desk/reports/forms/<slug:form_id>/figures.xlsx \
                                302  403  403  404  403  403  403  403
GET  desk/network-figures       302  403  403  403  403  403  403  403
GET  desk/network-figures/gaps  302  403  403  403  403  403  403  403
GET  desk/network-figures/figures.csv \
                                302  403  403  403  403  403  403  403
GET  desk/network-figures/figures.xlsx \
                                302  403  403  403  403  403  403  403
GET  desk/network-figures/earlier \
                                302  403  403  403  403  403  403  403
POST desk/network-figures/earlier \
                                302  403  403  403  403  403  403  403
GET  desk/network-figures/earlier/<int:year>/delete \
                                302  403  403  403  403  403  403  403
POST desk/network-figures/earlier/<int:year>/delete \
                                302  403  403  403  403  403  403  403
GET  desk/network-figures/<int:year>/publish \
                                302  403  403  403  403  403  403  403
POST desk/network-figures/<int:year>/publish \
                                302  403  403  403  403  403  403  403
GET  numbers                    200  200  200  200  200  200  200  200
GET  numbers/<int:year>         404  404  404  404  404  404  404  404
GET  numbers/<int:year>.csv     404  404  404  404  404  404  404  404
GET  numbers/<int:year>.xlsx    404  404  404  404  404  404  404  404
GET  desk/trainings             302  403  403  200  403  403  403  403
GET  desk/trainings/new         302  403  403  200  403  403  403  403
POST desk/trainings/new         302  403  403  200  403  403  403  403
GET  desk/trainings/print       302  403  403  200  403  403  403  403
GET  desk/trainings/file        302  403  403  200  403  403  403  403
GET  desk/trainings/<uuid:training_id> \
                                302  403  403  404  403  403  403  403
POST desk/trainings/<uuid:training_id> \
                                302  403  403  404  403  403  403  403
GET  desk/trainings/<uuid:training_id>/delete \
                                302  403  403  404  403  403  403  403
POST desk/trainings/<uuid:training_id>/delete \
                                302  403  403  404  403  403  403  403
GET  desk/proposals             302  200  200  200  200  200  200  200
GET  desk/proposals/<uuid:proposal_id>/approve \
                                302  302  302  302  302  302  302  302
POST desk/proposals/<uuid:proposal_id>/approve \
                                302  404  404  404  404  404  404  404
GET  desk/proposals/<uuid:proposal_id>/reject \
                                302  302  302  302  302  302  302  302
POST desk/proposals/<uuid:proposal_id>/reject \
                                302  404  404  404  404  404  404  404
GET  desk/proposals/<uuid:proposal_id>/publish \
                                302  302  302  302  302  302  302  302
POST desk/proposals/<uuid:proposal_id>/publish \
                                302  403  403  404  403  403  403  403
GET  desk/entries/new           302  403  403  200  403  403  403  403
POST desk/entries/new           302  403  403  200  403  403  403  403
GET  desk/entries/<uuid:service_id>/places \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/places \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/places/new \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/places/new \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/places/<uuid:location_id> \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/places/<uuid:location_id> \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id> \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/pause \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/capacity \
                                302  302  302  302  302  302  302  302
GET  desk/entries/<uuid:service_id>/checked \
                                302  302  302  302  302  302  302  302
GET  desk/entries/<uuid:service_id>/history \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/history/erase \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/history/erase \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/history/<uuid:edit_id> \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/history/<uuid:edit_id> \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/confidential \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/confidential/<uuid:entry_id> \
                                302  403  403  403  403  403  403  403
POST desk/entries/<uuid:service_id>/confidential/<uuid:entry_id> \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/confidential/<uuid:entry_id>/undo \
                                302  302  302  302  302  302  302  302
POST desk/entries/<uuid:service_id>/confidential/<uuid:entry_id>/undo \
                                302  403  403  403  403  403  403  403
GET  desk/entries/<uuid:service_id>/confidential/<uuid:entry_id>/erase \
                                302  302  302  302  302  302  302  302
POST desk/entries/<uuid:service_id>/confidential/<uuid:entry_id>/erase \
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
POST desk/unfinished             400  400  400  400  400  400  400  400
GET  desk/awake                 302  200  200  200  200  200  200  200
POST desk/awake                 302  404  404  404  404  404  404  404
GET  desk/shift                 302  200  200  200  200  200  200  200
POST desk/shift                 302  200  200  200  200  200  200  200
GET  desk/calls                 302  200  200  200  403  200  200  200
GET  desk/calls/new             302  200  200  200  200  200  200  200
POST desk/calls/new             302  302  302  302  403  302  302  302
GET  desk/channels              302  200  200  200  200  200  200  200
POST desk/channels              302  302  302  302  302  302  302  302
GET  desk/channels/<uuid:channel_id>/remove \
                                302  404  404  404  404  404  404  404
POST desk/channels/<uuid:channel_id>/remove \
                                302  404  404  404  404  404  404  404
GET  sign/<str:secret>          404  404  404  404  404  404  404  404
POST sign/<str:secret>          404  404  404  404  404  404  404  404
GET  card/<str:code>            404  404  404  404  404  404  404  404
POST card/<str:code>            404  404  404  404  404  404  404  404
POST card/call/<str:token>      404  404  404  404  404  404  404  404
POST call/awake/<slug:language>/<str:token> \
                                404  404  404  404  404  404  404  404
GET  card/notice/<uuid:notice_id> \
                                404  404  404  404  404  404  404  404
POST card/notice/<uuid:notice_id> \
                                404  404  404  404  404  404  404  404
GET  card/notice/<uuid:notice_id>/<slug:act> \
                                404  404  404  404  404  404  404  404
POST card/notice/<uuid:notice_id>/<slug:act> \
                                404  404  404  404  404  404  404  404
GET  line/<str:token>           200  200  200  200  200  200  200  200
POST line/<str:token>           200  200  200  200  200  200  200  200
POST line/call/<str:token>      404  404  404  404  404  404  404  404
GET  slip                       200  403  403  403  403  403  403  403
POST slip                       302  403  403  403  403  403  403  403
GET  slip/open                  302  403  403  403  403  403  403  403
POST slip/open                  302  403  403  403  403  403  403  403
GET  slip/open/less             302  403  403  403  403  403  403  403
POST slip/open/less             302  403  403  403  403  403  403  403
GET  slip/open/end              302  403  403  403  403  403  403  403
POST slip/open/end              302  403  403  403  403  403  403  403
GET  calendar/<slug:secret>.ics 404  404  404  404  404  404  404  404
GET  desk/practice              302  200  200  200  403  200  200  200
POST desk/practice              302  200  200  200  403  200  200  200
POST desk/practice/leave        302  302  302  302  302  302  302  302
GET  desk/practice/end          302  302  302  302  302  302  302  302
POST desk/practice/end          302  302  302  302  302  302  302  302
GET  desk/on-call               302  200  200  200  403  200  200  200
POST desk/on-call               302  302  302  302  403  302  302  302
GET  desk/on-call/rotation      302  403  403  200  403  403  403  403
POST desk/on-call/rotation      302  403  403  200  403  403  403  403
GET  desk/on-call/shifts/new    302  403  403  200  403  403  403  403
POST desk/on-call/shifts/new    302  403  403  200  403  403  403  403
GET  desk/on-call/shifts/<uuid:shift_id>/remove \
                                302  403  403  404  403  403  403  403
POST desk/on-call/shifts/<uuid:shift_id>/remove \
                                302  403  403  404  403  403  403  403
GET  desk/on-call/swap          302  200  200  200  403  200  200  200
POST desk/on-call/swap          302  200  200  200  403  200  200  200
GET  desk/on-call/import        302  403  403  200  403  403  403  403
POST desk/on-call/import        302  403  403  200  403  403  403  403
GET  desk/uncovered             302  403  403  403  403  403  403  403
GET  desk/rights-counts         302  403  403  200  403  403  403  403
GET  join                       404  404  404  404  404  404  404  404
POST join                       404  404  404  404  404  404  404  404
GET  join/code                  302  302  302  302  302  302  302  302
POST join/code                  302  302  302  302  302  302  302  302
GET  join/<str:secret>          404  404  404  404  404  404  404  404
GET  desk/members               302  403  403  403  403  403  403  403
POST desk/members               302  403  403  403  403  403  403  403
GET  desk/members/invite        302  403  403  403  403  403  403  403
POST desk/members/invite        302  403  403  403  403  403  403  403
GET  desk/members/list          302  403  403  403  403  403  403  403
POST desk/members/list          302  403  403  403  403  403  403  403
GET  desk/members/<uuid:member_id>/roles \
                                302  403  403  403  403  403  403  403
POST desk/members/<uuid:member_id>/roles \
                                302  403  403  403  403  403  403  403
GET  desk/members/<uuid:member_id>/number \
                                302  403  403  403  403  403  403  403
POST desk/members/<uuid:member_id>/number \
                                302  403  403  403  403  403  403  403
GET  desk/members/<uuid:member_id>/end \
                                302  403  403  403  403  403  403  403
POST desk/members/<uuid:member_id>/end \
                                302  403  403  403  403  403  403  403
GET  desk/members/<uuid:member_id>/return \
                                302  403  403  403  403  403  403  403
POST desk/members/<uuid:member_id>/return \
                                302  403  403  403  403  403  403  403
GET  desk/members/<uuid:member_id>/reset \
                                302  403  403  404  403  403  403  403
POST desk/members/<uuid:member_id>/reset \
                                302  403  403  404  403  403  403  403
GET  desk/resets                302  403  403  200  403  403  403  403
POST desk/resets                302  404  404  404  404  404  404  404
GET  desk/number                302  403  403  200  403  403  403  403
POST desk/number                302  403  403  200  403  403  403  403
GET  desk/numbers               302  403  403  200  403  403  403  403
POST desk/numbers               302  404  404  404  404  404  404  404
GET  demo                       200  200  200  200  200  200  200  200
GET  demo/clock                 200  200  200  200  200  200  200  200
POST demo/clock                 400  400  400  400  400  400  400  400
POST demo/reset                 400  400  400  400  400  400  400  400
POST demo/scenarios/<slug:name> 404  404  404  404  404  404  404  404
GET  demo/webhooks              200  200  200  200  200  200  200  200
POST demo/webhooks/<slug:name>  404  404  404  404  404  404  404  404
POST demo/key                   404  404  404  404  404  404  404  404
GET  demo/messages              200  200  200  200  200  200  200  200
GET  desk/told                  302  200  200  200  200  200  200  200
GET  desk/mistakes              302  403  403  200  403  403  403  403
GET  desk/exports               302  403  403  200  403  403  403  403
POST desk/exports               302  403  403  400  403  403  403  403
GET  desk/exports/<uuid:export_id>/confirm \
                                302  403  403  404  403  403  403  403
POST desk/exports/<uuid:export_id>/confirm \
                                302  403  403  404  403  403  403  403
GET  desk/exports/<uuid:export_id>/end \
                                302  403  403  404  403  403  403  403
POST desk/exports/<uuid:export_id>/end \
                                302  403  403  404  403  403  403  403
GET  desk/exports/<uuid:export_id>/download \
                                302  403  403  404  403  403  403  403
GET  desk/webhooks              302  403  403  403  403  403  403  403
POST desk/webhooks              302  403  403  403  403  403  403  403
GET  desk/webhooks/<uuid:webhook_id> \
                                302  403  403  403  403  403  403  403
POST desk/webhooks/<uuid:webhook_id> \
                                302  403  403  403  403  403  403  403
GET  desk/webhooks/<uuid:webhook_id>/pause \
                                302  403  403  403  403  403  403  403
POST desk/webhooks/<uuid:webhook_id>/pause \
                                302  403  403  403  403  403  403  403
GET  desk/webhooks/<uuid:webhook_id>/remove \
                                302  403  403  403  403  403  403  403
POST desk/webhooks/<uuid:webhook_id>/remove \
                                302  403  403  403  403  403  403  403
GET  desk/agency/scim           302  403  403  403  403  403  403  403
POST desk/agency/scim           302  403  403  403  403  403  403  403
GET  desk/agency/scim/end       302  403  403  403  403  403  403  403
POST desk/agency/scim/end       302  403  403  403  403  403  403  403
GET  desk/agency/systems        302  403  403  403  403  403  403  403
GET  desk/agency/systems/new    302  403  403  403  403  403  403  403
POST desk/agency/systems/new    302  403  403  403  403  403  403  403
GET  {S}                        302  403  403  403  403  403  403  403
GET  {S}/keys                   302  403  403  403  403  403  403  403
POST {S}/keys                   302  403  403  403  403  403  403  403
GET  {S}/keys/<slug:thumbprint>/remove \
                                302  403  403  403  403  403  403  403
POST {S}/keys/<slug:thumbprint>/remove \
                                302  403  403  403  403  403  403  403
GET  {S}/limits                 302  403  403  403  403  403  403  403
POST {S}/limits                 302  403  403  403  403  403  403  403
GET  {S}/end                    302  403  403  403  403  403  403  403
POST {S}/end                    302  403  403  403  403  403  403  403
GET  {S}/return                 302  403  403  403  403  403  403  403
POST {S}/return                 302  403  403  403  403  403  403  403
GET  desk/agency/card           302  403  403  200  403  403  403  403
POST desk/agency/card           302  403  403  400  403  403  403  403
GET  desk/agency/card/print     302  403  403  404  403  403  403  403
GET  desk/agency/sign-in        302  403  403  403  403  403  403  403
POST desk/agency/sign-in        302  403  403  403  403  403  403  403
GET  desk/agency/sign-in/test   302  403  403  403  403  403  403  403
GET  desk/agency/sign-in/on     302  403  403  403  403  403  403  403
POST desk/agency/sign-in/on     302  403  403  403  403  403  403  403
GET  desk/agency/sign-in/off    302  403  403  403  403  403  403  403
POST desk/agency/sign-in/off    302  403  403  403  403  403  403  403
GET  desk/agency/sign-in/remove \
                                302  403  403  403  403  403  403  403
POST desk/agency/sign-in/remove \
                                302  403  403  403  403  403  403  403
GET  desk/agency/sign-in/members/<uuid:member_id>/unlink \
                                302  403  403  403  403  403  403  403
POST desk/agency/sign-in/members/<uuid:member_id>/unlink \
                                302  403  403  403  403  403  403  403
GET  desk/agency/settings       302  403  403  403  403  403  403  403
POST desk/agency/settings       302  403  403  403  403  403  403  403
GET  desk/agency/settings/retention \
                                302  403  403  403  403  403  403  403
POST desk/agency/settings/retention \
                                302  403  403  403  403  403  403  403
GET  desk/agency/settings/retention/<int:days> \
                                302  403  403  403  403  403  403  403
POST desk/agency/settings/retention/<int:days> \
                                302  403  403  403  403  403  403  403
GET  desk/agency/notice-opinion \
                                302  403  403  403  403  403  403  403
POST desk/agency/notice-opinion \
                                302  403  403  403  403  403  403  403
GET  desk/agency/terms          302  200  200  200  200  200  200  200
POST desk/agency/terms          302  404  404  404  404  404  404  404
GET  desk/agency/changes        302  403  403  200  403  403  403  403
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
GET  {D}/put_notice_release     302  302  302  302  404  302  302  404
POST {D}/put_notice_release     302  302  403  403  404  302  302  404
GET  {D}/send                   302  302  302  302  404  302  302  404
POST {D}/send                   302  302  302  302  404  302  302  404
GET  {D}/acknowledge            302  302  302  302  302  302  302  302
POST {D}/acknowledge            302  403  403  403  404  409  409  404
GET  {D}/accept                 302  302  302  302  404  302  302  404
POST {D}/accept                 302  403  403  403  404  302  409  404
GET  {D}/undo_accept            302  302  302  302  404  200  302  404
POST {D}/undo_accept            302  403  403  403  404  302  403  404
GET  {D}/decline                302  302  302  302  404  302  302  404
POST {D}/decline                302  403  403  403  404  409  409  404
GET  {D}/put_release            302  200  302  302  404  302  302  404
POST {D}/put_release            302  302  403  403  404  302  302  404
GET  {D}/releases               302  200  403  200  404  200  403  404
GET  {D}/slip                   302  200  403  200  404  403  403  404
POST {D}/slip                   302  302  403  403  404  403  403  404
GET  {D}/slip/print             302  404  403  404  404  403  403  404
GET  {D}/signing/<slug:act>     302  404  404  404  404  404  404  404
POST {D}/signing/<slug:act>     302  404  404  404  404  404  404  404
GET  {D}/signed                 302  200  302  302  404  200  302  404
POST {D}/signed                 302  302  403  403  404  302  403  404
GET  {D}/release_paper          302  200  200  200  404  404  404  404
GET  {D}/put_packet             302  200  302  302  404  302  302  404
POST {D}/put_packet             302  302  403  403  404  403  403  404
GET  {D}/open_packet            302  200  302  302  404  200  302  404
POST {D}/open_packet            302  302  403  403  404  302  403  404
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
GET  {D}/called_back            302  302  302  302  302  302  302  302
POST {D}/called_back            302  302  403  403  404  302  403  404
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
GET  {D}/record_rights          302  200  302  302  404  200  302  404
POST {D}/record_rights          302  302  403  403  404  302  403  404
GET  {D}/block                  302  200  302  200  404  200  302  404
POST {D}/block                  302  200  200  200  404  200  200  404
GET  {D}/unblock                302  200  302  200  404  200  302  404
POST {D}/unblock                302  200  200  200  404  200  200  404
GET  {D}/leads_only             302  200  302  200  404  302  302  404
POST {D}/leads_only             302  302  403  302  404  403  403  404
GET  {D}/end_leads_only         302  200  302  200  404  302  302  404
POST {D}/end_leads_only         302  302  403  302  404  403  403  404
GET  {D}/account_disclosures    302  200  302  302  404  200  302  404
POST {D}/account_disclosures    302  302  403  403  404  302  403  404
GET  {D}/open_notes             302  200  302  302  404  200  302  404
POST {D}/open_notes             302  302  403  403  404  302  403  404
GET  {D}/open_handoff           302  200  302  302  404  200  302  404
POST {D}/open_handoff           302  302  403  403  404  302  403  404
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
