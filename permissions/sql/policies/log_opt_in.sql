-- An agency lets the auditors of one oversight agency read its entries until a given time.

ALTER TABLE log_opt_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_opt_in FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (id, agency_id, to_agency_id, given_by, ends_at), UPDATE (withdrawn_at)
      ON log_opt_in TO app;
GRANT SELECT ON log_opt_in TO auditor, definer;

CREATE POLICY administrator_reads ON log_opt_in FOR SELECT TO app
    USING (agency_id = (SELECT sec.administrator_agency_id()));
CREATE POLICY administrator_gives ON log_opt_in FOR INSERT TO app
    WITH CHECK (agency_id = (SELECT sec.administrator_agency_id())
        AND given_by = (SELECT sec.current_member_id())
                AND ends_at > sec.clock() AND ends_at <= sec.clock() + interval '90 days'
                AND sec.is_oversight_agency(to_agency_id));
CREATE POLICY administrator_takes_back ON log_opt_in FOR UPDATE TO app
    USING (agency_id = (SELECT sec.administrator_agency_id()))
    WITH CHECK (agency_id = (SELECT sec.administrator_agency_id()) AND withdrawn_at IS NOT NULL);
CREATE POLICY either_reads ON log_opt_in FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditor_agency_id())
        OR to_agency_id = (SELECT sec.oversight_agency_id()));
CREATE POLICY definer_reads ON log_opt_in FOR SELECT TO definer USING (true);
