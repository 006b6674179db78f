-- %(size)s referrals among 200 agencies of five members each, run as the cluster's superuser on a
-- database that holds the demo network. Agencies differ in size as in life (the largest sends 7 %%
-- of all); the two largest are the demo's police (sending) and advocates (receiving).

CREATE TEMP TABLE unit (n int PRIMARY KEY, agency uuid NOT NULL, member uuid, person uuid);
INSERT INTO unit VALUES (0, %(police)s, %(officer)s), (1, %(ywca)s, %(advocate)s);
INSERT INTO unit SELECT n, gen_random_uuid() FROM generate_series(2, 199) n;
INSERT INTO permissions_agency (id, name, kind, duty_phone)
SELECT agency, 'Invented Agency ' || n, 'social_service', '' FROM unit WHERE n > 1;

CREATE TEMP TABLE staff AS
SELECT n, k, gen_random_uuid() AS member, gen_random_uuid() AS person
  FROM unit, generate_series(1, 5) k WHERE n > 1;
INSERT INTO permissions_person (id, password, username)
SELECT person, '!', format('unit%%s.worker%%s', n, k) FROM staff;
INSERT INTO permissions_membership (id, agency_id, person_id, name, roles)
SELECT staff.member, agency, staff.person, format('Invented Worker %%s', k), '{worker}'
  FROM staff JOIN unit USING (n);
UPDATE unit SET member = staff.member FROM staff WHERE unit.n = staff.n AND k = 1;
UPDATE unit SET person = m.person_id FROM permissions_membership m WHERE m.id = unit.member;

-- Who refers to whom, when (the last two years) and how it went.
CREATE TEMP TABLE drawn AS
SELECT i, f, CASE WHEN t = f THEN (t + 1) %% 200 ELSE t END AS t, at, fate,
       (substr(encode(int8send((extract(epoch FROM at) * 1000)::bigint), 'hex'), 5) || '7'
        || substr(md5(fate::text), 1, 3) || '8' || substr(md5(i::text || fate::text), 1, 15)
       )::uuid AS id  -- UUIDv7, as permissions/database/uuid7.py makes them
  FROM (SELECT i, floor(200 * random() ^ 2)::int AS f,
               floor(200 * random() ^ 2 + 1)::int %% 200 AS t,
               now() - random() * interval '2 years' AS at, random() AS fate
          FROM generate_series(1, %(size)s) i) x;

INSERT INTO referral (id, from_agency_id, to_agency_id, service_id, service_name, reference,
    reference_day, status, created_at, sent_at, acknowledged_at, accepted_at,
    ack_by, accept_by, expires_at, code, urgency, needs, callback, agreement)
SELECT d.id, a.agency, b.agency, md5(d.t::text)::uuid, 'Invented service ' || d.t,
       (SELECT string_agg(substr('BCDFGHJKLMNPQRSTVWXZ', 1 + (i / (20 ^ p)::int) %% 20, 1), '')
          FROM generate_series(0, 5) p),
       at::date, status, at, sent, sent + interval '9 minutes',
       CASE WHEN status = 'accepted' THEN sent + interval '31 minutes' END,
       sent + interval '15 minutes', sent + interval '1 hour', sent + interval '1 day',
       CASE status WHEN 'declined' THEN 'no_capacity' END,
       (ARRAY['emergency', 'urgent', 'routine'])[1 + i %% 3], '{shelter,advocacy}', '406-555-0111',
       'agrees'
  FROM (SELECT *, CASE WHEN fate < 0.02 THEN 'draft' WHEN fate < 0.06 THEN 'sent'
                       WHEN fate < 0.09 THEN 'acknowledged' WHEN fate < 0.14 THEN 'withdrawn'
                       WHEN fate < 0.26 THEN 'declined' ELSE 'accepted' END AS status,
               CASE WHEN fate >= 0.02 THEN at + interval '11 minutes' END AS sent
          FROM drawn) d
  JOIN unit a ON a.n = d.f JOIN unit b ON b.n = d.t;

-- Both sides' own rows and the members who work on it.
CREATE TEMP TABLE taken AS
SELECT d.id, u.agency, u.member, u.person, NULL AS state FROM drawn d JOIN unit u ON u.n = d.f
UNION ALL
SELECT d.id, u.agency, u.member, u.person,
       CASE WHEN fate >= 0.9 THEN 'in_handoff' WHEN fate >= 0.4 THEN 'completed'
            WHEN fate >= 0.26 THEN 'unable' END
  FROM drawn d JOIN unit u ON u.n = d.t WHERE fate >= 0.06;
INSERT INTO referral_side (referral_id, agency_id, holder_id, state)
SELECT id, agency, member, state FROM taken;
INSERT INTO referral_assignment
    (permission_id, user_id, content_object_id, membership_id, agency_id)
SELECT p.id, person, taken.id, member, agency
  FROM taken, auth_permission p WHERE p.codename = 'work_on_referral';
