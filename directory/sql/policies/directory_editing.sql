-- Which agency edits which organization: see directory_sources.sql.

GRANT SELECT ON directory_editing TO app, editor;
GRANT INSERT ON directory_editing TO gate;

CREATE POLICY own_agency ON directory_editing FOR SELECT TO app
    USING (agency_id = (SELECT sec.caller()));
CREATE POLICY own_agency_edits ON directory_editing FOR SELECT TO editor
    USING (agency_id = (SELECT sec.directory_editor()));
CREATE POLICY gate_begins ON directory_editing FOR INSERT TO gate WITH CHECK (true);
