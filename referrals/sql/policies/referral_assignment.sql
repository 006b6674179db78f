-- Only the functions of assignment.sql write assignments.

ALTER TABLE referral_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_assignment FORCE ROW LEVEL SECURITY;

GRANT SELECT ON referral_assignment TO app;
GRANT SELECT (agency_id, content_object_id), DELETE ON referral_assignment TO jobs;
GRANT SELECT, INSERT, DELETE ON referral_assignment TO gate;

CREATE POLICY own_staff ON referral_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.not_barred(content_object_id));
CREATE POLICY jobs_see ON referral_assignment FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_assignment FOR DELETE TO jobs USING (true);
CREATE POLICY gate_reads ON referral_assignment FOR SELECT TO gate USING (true);
CREATE POLICY gate_assigns ON referral_assignment FOR INSERT TO gate WITH CHECK (true);
CREATE POLICY gate_ends ON referral_assignment FOR DELETE TO gate USING (true);
