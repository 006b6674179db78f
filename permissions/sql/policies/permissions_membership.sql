-- Staff lists are visible inside the agency only: a violent partner wants to know who works where.

ALTER TABLE permissions_membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions_membership FORCE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE (duty) ON permissions_membership TO app;
GRANT SELECT ON permissions_membership TO auditor;
GRANT SELECT, INSERT, UPDATE (name, roles, active, staff_ref) ON permissions_membership TO signin;
GRANT SELECT, INSERT, UPDATE ON permissions_membership TO jobs;
GRANT SELECT, UPDATE (live) ON permissions_membership TO definer;

CREATE POLICY colleagues ON permissions_membership FOR SELECT TO app, auditor
    USING (agency_id = (SELECT sec.current_agency_id()));
-- The names in the entries that an auditor finds under the filter "practice".
CREATE POLICY practice_colleagues ON permissions_membership FOR SELECT TO auditor
    USING (agency_id = ANY ((SELECT sec.practice_agency_ids())::uuid[]));
-- On call, reachable or off duty: each member sets it for themselves.
CREATE POLICY own_duty ON permissions_membership FOR UPDATE TO app
    USING (id = (SELECT sec.current_member_id()));
CREATE POLICY signin_keeps ON permissions_membership TO signin USING (true) WITH CHECK (true);
CREATE POLICY jobs_keep ON permissions_membership TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON permissions_membership FOR SELECT TO definer USING (true);
CREATE POLICY definer_asks_again ON permissions_membership FOR UPDATE TO definer
    USING (true) WITH CHECK (true);

CREATE TRIGGER is_live BEFORE INSERT OR UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.set_member_live();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.refresh_credentials();
