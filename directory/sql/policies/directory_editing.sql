-- Which agency edits which organization: see directory_sources.sql.

GRANT SELECT ON directory_editing TO app, editor;
GRANT INSERT, DELETE ON directory_editing TO definer;

CREATE POLICY own_agency ON directory_editing FOR SELECT TO app
    USING (agency_id = (SELECT sec.current_agency_id()));
CREATE POLICY own_agency_edits ON directory_editing FOR SELECT TO editor
    USING (agency_id = (SELECT sec.directory_editor_agency_id()));
CREATE POLICY definer_begins ON directory_editing FOR INSERT TO definer WITH CHECK (true);
CREATE POLICY definer_ends ON directory_editing FOR DELETE TO definer USING (true);

CREATE TRIGGER end_editing AFTER UPDATE ON permissions_agency FOR EACH ROW
    WHEN (OLD.active <> NEW.active) EXECUTE FUNCTION sec.end_editing();
