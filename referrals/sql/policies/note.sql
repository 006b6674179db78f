-- An assigned member writes a note. An access entry of the same transaction opens it.

ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE note FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON note TO app;
GRANT SELECT (agency_id, referral_id), DELETE ON note TO jobs;

CREATE POLICY opened ON note FOR SELECT TO app USING (
    referral_id = (SELECT sec.opened_notes()) AND agency_id = (SELECT sec.caseworker()));
CREATE POLICY own_side_writes ON note FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND member_id = (SELECT (sec.identity()).member_id)
    AND sec.assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));
CREATE POLICY jobs_see ON note FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON note FOR DELETE TO jobs USING (true);
