-- How an agency and its members are reached. A member alone sees their own channels, the
-- agency_admin sees the agency's, and the background work, which calls, sees all of them.

ALTER TABLE channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (id, agency_id, membership_id, use, kind, address, language, position),
      UPDATE (language, position, test_asked_at, test_outcome) ON channel TO app;
GRANT SELECT, UPDATE (test_outcome) ON channel TO jobs;
GRANT SELECT, DELETE ON channel TO gate;

CREATE POLICY whose_it_is ON channel TO app
    USING (membership_id = (SELECT sec.herself())
           OR (membership_id IS NULL AND agency_id = (SELECT sec.administering())))
    WITH CHECK ((membership_id = (SELECT sec.herself()) AND agency_id = (SELECT sec.caller()))
                OR (membership_id IS NULL AND agency_id = (SELECT sec.administering())));
CREATE POLICY jobs_ring ON channel FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_tested ON channel FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON channel FOR SELECT TO gate USING (true);
CREATE POLICY gate_removes ON channel FOR DELETE TO gate USING (true);
