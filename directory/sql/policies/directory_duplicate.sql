-- Services that are likely the same, and what the coordinator answered. The background work
-- (`jobs`) finds pairs and applies answers; functions read and answer (functions/duplicates.sql).
-- Who renders an entry reads which ones are hidden behind another.

ALTER TABLE directory_duplicate ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_duplicate FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_duplicate_scan ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_duplicate_scan FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_duplicate TO jobs;
GRANT SELECT, INSERT, UPDATE ON directory_duplicate_scan TO jobs;
GRANT SELECT (hidden_id, shown_id) ON directory_duplicate TO editor;
GRANT SELECT, UPDATE (answer, kept_id, changes, answered_by, answered_at, due)
    ON directory_duplicate TO definer;

CREATE POLICY jobs_keep ON directory_duplicate TO jobs USING (true) WITH CHECK (true);
CREATE POLICY editor_reads ON directory_duplicate FOR SELECT TO editor
    USING (hidden_id IS NOT NULL AND (SELECT sec.directory_editor_agency_id()) IS NOT NULL);
CREATE POLICY definer_keeps ON directory_duplicate TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_keep ON directory_duplicate_scan TO jobs USING (true) WITH CHECK (true);
