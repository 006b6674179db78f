-- Makes nearly all referrals of tests/bench/fill.sql over, and gives them what acts leave: events,
-- messages, tries of a webhook, and a packet with its keys. Some 150 are not over, and 60 are
-- drafts, of however many; of those that are over one in seventy was a mistake, one in ten lost its
-- holder, and one in fifty bars someone. As the cluster's superuser.

DELETE FROM referral
 WHERE id IN (SELECT id FROM referral WHERE status = 'draft' ORDER BY id OFFSET 60);
CREATE TEMP TABLE over AS
SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS every FROM referral;
DELETE FROM over
 WHERE n % greatest(20, every / 150) = 0 OR id IN (SELECT id FROM referral WHERE status = 'draft');
SET session_replication_role = replica;

-- Nothing is due for purge: what is due costs as much as there is of it.
UPDATE permissions_agency SET retention_days = 3650;

UPDATE referral r SET sent_at = r.created_at, expires_at = r.created_at + interval '1 day',
       status = CASE WHEN n % 70 = 1 THEN 'entered_in_error' WHEN status = 'sent' THEN 'expired'
                     WHEN status = 'acknowledged' THEN 'withdrawn' ELSE status END,
       ended_at = CASE WHEN n % 70 = 1 THEN r.created_at + interval '1 hour' END,
       from_asks_ring_at = r.created_at, to_asks_ring_at = r.created_at
  FROM over WHERE over.id = r.id;
UPDATE referral r SET created_at = created_at - interval '10 days',
       sent_at = sent_at - interval '10 days', accepted_at = accepted_at - interval '10 days',
       expires_at = expires_at - interval '10 days'
  FROM over WHERE over.id = r.id;
UPDATE referral r SET expires_at = now() + interval '2 hours', ack_by = now() - interval '1 hour',
       accept_by = now() + interval '1 hour',
       accepted_at = CASE WHEN accepted_at IS NOT NULL THEN now() - interval '1 hour' END
 WHERE id NOT IN (SELECT id FROM over);
UPDATE referral_side s SET state = 'completed' FROM over
 WHERE over.id = s.referral_id AND state IN ('accepted', 'in_handoff');
UPDATE referral_side s SET holder_id = NULL FROM over WHERE over.id = s.referral_id AND n % 10 = 3;

INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, agency_id,
                            reserved, from_sees, to_sees, told, xact)
SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, coalesce(sent_at, created_at), act,
       CASE act WHEN 'send' THEN from_agency_id ELSE to_agency_id END, false, true, true, true, 1
  FROM referral, unnest(ARRAY['send', 'acknowledge', 'complete']) act;

INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, from_sees,
                            to_sees, told, xact)
SELECT gen_random_uuid(), id, from_agency_id, to_agency_id, accepted_at + interval '7 days',
       'closed', true, false, true, 1
  FROM over JOIN referral USING (id) WHERE accepted_at IS NOT NULL AND ended_at IS NULL;

INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id, bars_member_id,
                            set_by, set_at, lifted_at)
SELECT gen_random_uuid(), id, from_agency_id, 'member', from_agency_id, gen_random_uuid(),
       gen_random_uuid(), created_at,
       CASE WHEN n % 100 = 7 THEN created_at + interval '1 hour' END
  FROM over JOIN referral USING (id) WHERE n % 50 = 7;
UPDATE referral r SET has_block = true FROM over WHERE over.id = r.id AND n % 100 = 57;
UPDATE referral_side s SET has_block = true FROM over
 WHERE over.id = s.referral_id AND n % 100 = 57;

INSERT INTO message (id, cause, referral_id, agency_id, member_id, channel_id, kind, template,
                     reference, at, due_at, state, outcome, done_at)
SELECT gen_random_uuid(), gen_random_uuid(), r.id, s.agency_id, whom, s.agency_id, 'mail', 'notice',
       r.reference, r.created_at, r.created_at, 'sent', 'handed_over', r.created_at
  FROM over JOIN referral r USING (id) JOIN referral_side s ON s.referral_id = r.id,
       unnest(ARRAY[s.holder_id, NULL]) whom;

INSERT INTO webhook_endpoint (id, agency_id, url, created_at, at_xact, at_event, next_at)
SELECT md5('webhook ' || id)::uuid, id, 'https://receiver.example/events', now(), 1,
       'ffffffff-ffff-ffff-ffff-ffffffffffff', now()
  FROM permissions_agency;
INSERT INTO webhook_delivery (id, endpoint_id, agency_id, event_id, referral_id, message_id, at,
                              outcome, status, took_ms)
SELECT ('018' || substr(gen_random_uuid()::text, 4))::uuid, w.id, w.agency_id, e.id, e.referral_id,
       e.id, now(), 'delivered', 200, 9
  FROM over JOIN referral_event e ON e.referral_id = over.id AND e.act = 'send'
  JOIN webhook_endpoint w ON w.agency_id IN (e.from_agency_id, e.to_agency_id);

INSERT INTO packet_field (id, referral_id, from_agency_id, field, version, ciphertext)
SELECT gen_random_uuid(), r.id, r.from_agency_id, 'name', 1, ''
  FROM referral r WHERE r.accepted_at IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO packet_grant (id, referral_id, agency_id, release_id, fields, closed, expires_at)
SELECT gen_random_uuid(), r.id, side.agency, side.release, '{name}', false, r.expires_at
  FROM referral r, LATERAL (VALUES (r.from_agency_id, NULL),
                                   (r.to_agency_id, gen_random_uuid())) side (agency, release)
 WHERE r.accepted_at IS NOT NULL ON CONFLICT DO NOTHING;
RESET session_replication_role;
