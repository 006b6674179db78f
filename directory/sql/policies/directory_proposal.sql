-- A change of an entry that waits for a second person. Only functions write it
-- (functions/proposals.sql). Its agency's editors read it to publish what was approved.

ALTER TABLE directory_proposal ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_proposal FORCE ROW LEVEL SECURITY;

GRANT SELECT ON directory_proposal TO editor;
GRANT SELECT, INSERT, UPDATE (state, decided_by, decided_at) ON directory_proposal TO definer;

CREATE POLICY own_agency ON directory_proposal FOR SELECT TO editor
    USING (agency_id = (SELECT sec.directory_editor_agency_id()));
CREATE POLICY definer_keeps ON directory_proposal TO definer USING (true) WITH CHECK (true);

CREATE TRIGGER reviewed_begins BEFORE INSERT ON directory_service
    FOR EACH ROW WHEN (current_user = 'editor') EXECUTE FUNCTION sec.check_reviewed_service();
CREATE TRIGGER reviewed_changes BEFORE UPDATE OF name, alternate_name, answered_by_id
    ON directory_service FOR EACH ROW WHEN (current_user = 'editor')
    EXECUTE FUNCTION sec.check_reviewed_service();
CREATE TRIGGER reviewed_changes BEFORE UPDATE OF name, alternate_name ON directory_organization
    FOR EACH ROW WHEN (current_user = 'editor')
    EXECUTE FUNCTION sec.check_reviewed_organization();
