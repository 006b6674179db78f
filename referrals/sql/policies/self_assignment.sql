-- The agency's own caseworkers and auditors see that a lead assigned themselves.

ALTER TABLE self_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE self_assignment FORCE ROW LEVEL SECURITY;

GRANT SELECT ON self_assignment TO app, auditor;
GRANT SELECT (referral_id, agency_id), DELETE ON self_assignment TO jobs;
GRANT SELECT, INSERT, UPDATE (told) ON self_assignment TO definer;

CREATE POLICY own_side ON self_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_not_blocked(referral_id));
CREATE POLICY own_people ON self_assignment FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditor_agency_id())
           AND (referral_id = ANY ((SELECT sec.blocked_referral_ids())::uuid[])) IS NOT TRUE);
CREATE POLICY jobs_see ON self_assignment FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON self_assignment FOR DELETE TO jobs USING (true);
CREATE POLICY definer_reads ON self_assignment FOR SELECT TO definer USING (true);
CREATE POLICY definer_writes ON self_assignment FOR INSERT TO definer WITH CHECK (true);
CREATE POLICY definer_tells ON self_assignment FOR UPDATE TO definer USING (true) WITH CHECK (told);
