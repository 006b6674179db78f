-- An assigned member writes a release. Those who answer for the referral see it.

ALTER TABLE release ENABLE ROW LEVEL SECURITY;
ALTER TABLE release FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (ended) ON release TO app;
GRANT SELECT (id, referral_id), DELETE ON release TO jobs;
GRANT SELECT, UPDATE (fields, expires_at, ended, never_open) ON release TO gate;

CREATE POLICY sender_reads ON release FOR SELECT TO app USING (
    from_agency_id = (SELECT sec.caseworker()) AND sec.answers_for(referral_id));
CREATE POLICY recipient_reads ON release FOR SELECT TO app USING (
    direction = 'outbound' AND to_agency_id = (SELECT sec.caseworker())
    AND sec.answers_for(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL));
CREATE POLICY sender_writes ON release FOR INSERT TO app WITH CHECK (
    direction = 'outbound' AND from_agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = release.from_agency_id
                   AND r.to_agency_id = release.to_agency_id));
CREATE POLICY recipient_returns ON release FOR INSERT TO app WITH CHECK (
    direction = 'return' AND from_agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL
                   AND r.to_agency_id = release.from_agency_id
                   AND r.from_agency_id = release.to_agency_id));
CREATE POLICY sides_end ON release FOR UPDATE TO app
    USING (EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                      AND (release.from_agency_id = (SELECT sec.caseworker())
                           OR (direction = 'outbound' AND r.accepted_at IS NOT NULL))))
    WITH CHECK (ended AND sec.answers_for(referral_id)
                AND (SELECT sec.writer()) IN (from_agency_id, to_agency_id));
CREATE POLICY jobs_see ON release FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON release FOR DELETE TO jobs USING (true);
CREATE POLICY gate_reads ON release FOR SELECT TO gate USING (true);
CREATE POLICY gate_narrows ON release FOR UPDATE TO gate USING (true) WITH CHECK (true);
