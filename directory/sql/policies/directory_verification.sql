-- Questions to services whether their entry is right. The background work (`jobs`) asks; functions
-- answer (functions/verifications.sql).

ALTER TABLE directory_verification ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_verification FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_verification TO jobs;
GRANT SELECT, UPDATE (answer, answered_at, due) ON directory_verification TO definer;

CREATE POLICY jobs_keep ON directory_verification TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_keeps ON directory_verification TO definer USING (true) WITH CHECK (true);
