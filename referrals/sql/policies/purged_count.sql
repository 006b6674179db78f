-- Counts of what was purged. Only `jobs` uses them.

ALTER TABLE purged_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE purged_count FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON purged_count TO jobs;

CREATE POLICY jobs_count ON purged_count TO jobs USING (true) WITH CHECK (true);
