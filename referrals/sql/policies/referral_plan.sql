-- The plan is the sender's own, for its assigned members. No service in the list learns of the
-- others.
ALTER TABLE referral_plan ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_plan FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (services) ON referral_plan TO app;
GRANT SELECT (replaces_id, agency_id, referral_id), UPDATE (replaces_id), DELETE ON referral_plan
      TO jobs;

CREATE POLICY own_plan ON referral_plan FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_assigned(referral_id));
CREATE POLICY own_plan_begins ON referral_plan FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id()) AND sec.is_assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = referral_plan.agency_id));
CREATE POLICY own_plan_changes ON referral_plan FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_assigned(referral_id))
    WITH CHECK (agency_id = (SELECT sec.writer_agency_id()));
CREATE POLICY jobs_see ON referral_plan FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_plan FOR DELETE TO jobs USING (true);
CREATE POLICY jobs_unlink ON referral_plan FOR UPDATE TO jobs
    USING (true) WITH CHECK (replaces_id IS NULL);
