-- The history of what tests/bench/fill.sql has made: two to four events a referral, as the acts
-- write them, and rows of the outbox. As the cluster's superuser.

CREATE TEMP TABLE step (act text, side text, after interval, sees_from bool, sees_to bool);
INSERT INTO step VALUES
    ('create', 'from', '0 minutes', true, false),
    ('send', 'from', '11 minutes', true, true),
    ('accept', 'to', '42 minutes', true, true),
    ('complete', 'to', '3 days', false, true);

INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, agency_id,
    reserved, from_sees, to_sees, xact, told)
SELECT gen_random_uuid(), r.id, r.from_agency_id, r.to_agency_id, r.created_at + step.after,
       step.act, CASE step.side WHEN 'from' THEN r.from_agency_id ELSE r.to_agency_id END,
       false, step.sees_from, step.sees_to, 1 + (row_number() OVER (ORDER BY r.created_at)) / 3,
       true
  FROM referral r
  JOIN step ON step.act = 'create'
            OR (step.act = 'send' AND r.sent_at IS NOT NULL)
            OR (step.act = 'accept' AND r.accepted_at IS NOT NULL)
            OR (step.act = 'complete' AND EXISTS (SELECT FROM referral_side s
                WHERE s.referral_id = r.id AND s.state = 'completed'));
