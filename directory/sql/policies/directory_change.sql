-- The change feed: everyone reads the public's lines, the network reads its own. Lines are added
-- and never taken back.

ALTER TABLE directory_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_change FORCE ROW LEVEL SECURITY;

GRANT SELECT ON directory_change TO app, definer;
GRANT SELECT, INSERT ON directory_change TO editor, jobs;

CREATE POLICY public_or_network ON directory_change FOR SELECT TO app
    USING (NOT network OR (SELECT sec.is_in_network()));
CREATE POLICY editor_reads ON directory_change FOR SELECT TO editor
    USING ((SELECT sec.directory_editor_agency_id()) IS NOT NULL);
CREATE POLICY editor_tells ON directory_change FOR INSERT TO editor
    WITH CHECK ((SELECT sec.directory_editor_agency_id()) IS NOT NULL);
CREATE POLICY jobs_keep ON directory_change TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON directory_change FOR SELECT TO definer USING (true);
