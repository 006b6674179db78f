-- The agency's own caseworkers and auditors see that a lead assigned themselves.

ALTER TABLE self_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE self_assignment FORCE ROW LEVEL SECURITY;

GRANT SELECT ON self_assignment TO app, auditor;
GRANT SELECT (referral_id, agency_id), DELETE ON self_assignment TO jobs;
GRANT SELECT, INSERT, UPDATE (told) ON self_assignment TO gate;

CREATE POLICY own_side ON self_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.not_barred(referral_id));
CREATE POLICY own_people ON self_assignment FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditing())
           AND (referral_id = ANY ((SELECT sec.barred_from())::uuid[])) IS NOT TRUE);
CREATE POLICY jobs_see ON self_assignment FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON self_assignment FOR DELETE TO jobs USING (true);
CREATE POLICY gate_reads ON self_assignment FOR SELECT TO gate USING (true);
CREATE POLICY gate_writes ON self_assignment FOR INSERT TO gate WITH CHECK (true);
CREATE POLICY gate_tells ON self_assignment FOR UPDATE TO gate USING (true) WITH CHECK (told);
