-- An agency lets the auditors of one oversight agency read its entries until a given time.

ALTER TABLE log_opt_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_opt_in FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (id, agency_id, to_agency_id, given_by, ends_at), UPDATE (withdrawn_at)
      ON log_opt_in TO app;
GRANT SELECT ON log_opt_in TO auditor, gate;

CREATE POLICY administrator_reads ON log_opt_in FOR SELECT TO app
    USING (agency_id = (SELECT sec.administering()));
CREATE POLICY administrator_gives ON log_opt_in FOR INSERT TO app
    WITH CHECK (agency_id = (SELECT sec.administering()) AND given_by = (SELECT sec.herself())
                AND ends_at > sec.clock() AND ends_at <= sec.clock() + interval '90 days'
                AND sec.oversees(to_agency_id));
CREATE POLICY administrator_takes_back ON log_opt_in FOR UPDATE TO app
    USING (agency_id = (SELECT sec.administering()))
    WITH CHECK (agency_id = (SELECT sec.administering()) AND withdrawn_at IS NOT NULL);
CREATE POLICY either_reads ON log_opt_in FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditing()) OR to_agency_id = (SELECT sec.overseeing()));
CREATE POLICY gate_reads ON log_opt_in FOR SELECT TO gate USING (true);
