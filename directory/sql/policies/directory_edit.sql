-- Who changed which columns of an entry. Rows are added and never taken back.

ALTER TABLE directory_edit ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_edit FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON directory_edit TO editor, jobs;
GRANT SELECT ON directory_edit TO definer;

CREATE POLICY own_history ON directory_edit FOR SELECT TO editor
    USING (sec.is_editor_of(organization_id));
CREATE POLICY own_edits ON directory_edit FOR INSERT TO editor WITH CHECK (
    sec.is_editor_of(organization_id)
    AND (agency_id, coalesce(member_id::text, ''), coalesce(client_id::text, '')) = (
        SELECT me.agency_id, coalesce(me.member_id::text, ''), coalesce(me.client_id::text, '')
          FROM sec.identity() me)
);
CREATE POLICY jobs_keep ON directory_edit TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON directory_edit FOR SELECT TO definer USING (true);
