-- The counts that outlive a purge: an agency, a month and an item. `jobs` adds to them.

ALTER TABLE rights_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE rights_tally FORCE ROW LEVEL SECURITY;

GRANT SELECT ON rights_tally TO definer;
GRANT SELECT, INSERT, UPDATE ON rights_tally TO jobs;

CREATE POLICY definer_reads ON rights_tally FOR SELECT TO definer USING (true);
CREATE POLICY jobs_count ON rights_tally TO jobs USING (true) WITH CHECK (true);
