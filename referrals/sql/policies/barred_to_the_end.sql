-- Who was barred as a person when a referral was purged. The rows are removed with the log's
-- months.

ALTER TABLE barred_to_the_end ENABLE ROW LEVEL SECURITY;
ALTER TABLE barred_to_the_end FORCE ROW LEVEL SECURITY;

GRANT SELECT (at), DELETE ON barred_to_the_end TO jobs;
GRANT SELECT, INSERT ON barred_to_the_end TO definer;

CREATE POLICY jobs_forget ON barred_to_the_end TO jobs USING (true);
CREATE POLICY definer_keeps ON barred_to_the_end TO definer USING (true) WITH CHECK (true);
