-- An assigned member writes a note. An access entry of the same transaction opens it.

ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE note FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON note TO app;
GRANT SELECT (agency_id, referral_id), DELETE ON note TO jobs;
GRANT SELECT (id, agency_id, referral_id, kind) ON note TO definer;

CREATE POLICY opened ON note FOR SELECT TO app USING (
    referral_id = (SELECT sec.opened_notes_referral_id())
        AND agency_id = (SELECT sec.caseworker_agency_id()));
CREATE POLICY own_side_writes ON note FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id()) AND member_id = (SELECT (sec.identity()).member_id)
    AND sec.is_assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));
CREATE POLICY definer_reads ON note FOR SELECT TO definer USING (true);
CREATE POLICY jobs_see ON note FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON note FOR DELETE TO jobs USING (true);
