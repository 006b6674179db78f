-- Terms of sources, what they may mean, and what the coordinator answered. The background work
-- (`jobs`) drafts and applies; functions read and answer (functions/term_meanings.sql).

ALTER TABLE directory_term_meaning ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_term_meaning FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_term_meaning TO jobs;
GRANT SELECT,
    UPDATE (answer, chosen, changes, answered_by, answered_at, due, rendered_to)
    ON directory_term_meaning TO definer;

CREATE POLICY jobs_keep ON directory_term_meaning TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_keeps ON directory_term_meaning TO definer USING (true) WITH CHECK (true);
