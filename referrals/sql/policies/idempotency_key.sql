-- A key belongs to one caller. Only a caller who sees a referral may write a row for it: the
-- foreign key must not reveal whether an invisible id exists. Any live caller keeps their own of
-- what belongs to no referral (a webhook, a code for a channel).

ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_key FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON idempotency_key TO app;
GRANT SELECT (referral_id, created_at, agency_id), DELETE ON idempotency_key TO jobs;
GRANT SELECT, DELETE ON idempotency_key TO definer;

CREATE POLICY own_keys ON idempotency_key FOR SELECT TO app USING (
    agency_id = (SELECT sec.current_agency_id())
    AND caller_id = (SELECT coalesce((sec.identity()).client_id, (sec.identity()).member_id))
    AND (referral_id IS NULL OR agency_id = (SELECT sec.caseworker_agency_id())));
CREATE POLICY own_keys_begin ON idempotency_key FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.current_agency_id())
    AND caller_id = (SELECT coalesce((sec.identity()).client_id, (sec.identity()).member_id))
    AND (referral_id IS NULL
         OR (agency_id = (SELECT sec.writer_agency_id())
             AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id))));
CREATE POLICY jobs_see ON idempotency_key FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON idempotency_key FOR DELETE TO jobs USING (true);
CREATE POLICY definer_finds ON idempotency_key FOR SELECT TO definer USING (true);
CREATE POLICY definer_erases ON idempotency_key FOR DELETE TO definer USING (true);
