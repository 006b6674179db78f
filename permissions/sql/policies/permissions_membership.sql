-- Staff lists are visible inside the agency only: a violent partner wants to know who works where.

ALTER TABLE permissions_membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions_membership FORCE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE (duty) ON permissions_membership TO app;
GRANT SELECT ON permissions_membership TO door, auditor;
GRANT SELECT, INSERT, UPDATE ON permissions_membership TO jobs;
GRANT SELECT, UPDATE (live) ON permissions_membership TO gate;

CREATE POLICY colleagues ON permissions_membership FOR SELECT TO app, auditor
    USING (agency_id = (SELECT sec.caller()));
-- On call, reachable or off duty: each member sets it for themselves.
CREATE POLICY own_duty ON permissions_membership FOR UPDATE TO app
    USING (id = (SELECT sec.herself()));
CREATE POLICY door_reads ON permissions_membership FOR SELECT TO door USING (true);
CREATE POLICY jobs_keep ON permissions_membership TO jobs USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON permissions_membership FOR SELECT TO gate USING (true);
CREATE POLICY gate_asks_again ON permissions_membership FOR UPDATE TO gate
    USING (true) WITH CHECK (true);

CREATE TRIGGER is_live BEFORE INSERT OR UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.member_is_live();
CREATE TRIGGER ask_again AFTER UPDATE ON permissions_membership
    FOR EACH ROW EXECUTE FUNCTION sec.ask_credentials_again();
