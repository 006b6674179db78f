-- A log of a busy network, for plans and pages: %(size)s entries of thirty agencies over
-- %(months)s months, most of them lists and reads, and of rare kinds a few each.
-- As the superuser, with the row's own trigger: each leaf is the hash of its row.
INSERT INTO access_entry (id, at, agency_id, member_id, client_id, act, purpose, referral_id,
                          referral_ids, subject, fields, decision, rule, request_id,
                          address_prefix)
SELECT gen_random_uuid(), drawn.at,
       CASE WHEN n %% 30 = 0 THEN %(agency)s::uuid ELSE md5('agency' || n %% 30)::uuid END,
       CASE WHEN n %% 11 <> 0 THEN
            CASE WHEN n %% 30000 = 0 THEN %(rare)s::uuid ELSE md5('member' || n %% 40)::uuid END
       END,
       CASE WHEN n %% 11 = 0 THEN md5('client' || n %% 2)::uuid END,
       kind.act, kind.purpose,
       CASE WHEN kind.act <> 'referral.list' THEN md5('referral' || n / 3000)::uuid END,
       CASE WHEN kind.act = 'referral.list' THEN ARRAY[md5('referral' || n / 3000)::uuid] END,
       CASE WHEN kind.act <> 'referral.list' THEN md5('subject' || n / 3000)::uuid END,
       kind.fields, CASE WHEN n %% 9000 = 0 THEN 'refused' ELSE 'allowed' END,
       CASE WHEN n %% 9000 = 0 THEN 'not_found' END, gen_random_uuid(), %(network)s
  FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(size)s - 1) n
 CROSS JOIN LATERAL (
       SELECT date_trunc('month', now()) + interval '1 month'
              - (%(months)s * interval '30 days') * (1 - n::float8 / %(of)s) - interval '1 hour'
              AS at) drawn
 CROSS JOIN LATERAL (
       SELECT CASE WHEN n %% 60000 = 0 THEN 'referral.self_assign'
                   WHEN n %% 50 = 0 THEN 'referral.open_packet'
                   WHEN n %% 4 = 0 THEN 'referral.read' ELSE 'referral.list' END AS act,
              CASE WHEN n %% 60000 = 0 THEN NULL WHEN n %% 45000 = 0 THEN 'legal_duty'
                   WHEN n %% 50 = 0 THEN 'intake' END AS purpose,
              CASE WHEN n %% 50 = 0 THEN ARRAY['name', 'phone'] END AS fields) kind;
