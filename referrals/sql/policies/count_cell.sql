-- Counts that outlive the purge. The background work adds them up; no role that serves requests
-- reads one: a number tells those whom a referral bars that it was sent.

ALTER TABLE count_cell ENABLE ROW LEVEL SECURITY;
ALTER TABLE count_cell FORCE ROW LEVEL SECURITY;

GRANT SELECT ON count_cell TO definer;
GRANT SELECT, INSERT, UPDATE (number, settled), DELETE ON count_cell TO jobs;

CREATE POLICY definer_reads ON count_cell FOR SELECT TO definer USING (true);
CREATE POLICY jobs_add_up ON count_cell TO jobs USING (true) WITH CHECK (true);
