-- What edits replaced, and what an act erased that made an entry confidential, both sealed. Those
-- who edit write it and cannot read it as `editor`: a function shows it to one agency's editors
-- (functions/earlier_text.sql). `jobs` wraps the keys again (rotation).

ALTER TABLE directory_earlier_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_earlier_text FORCE ROW LEVEL SECURITY;

GRANT SELECT (id, kind, edit_id, organization_id, "table", row_id, agency_id, ends_at), INSERT,
      DELETE ON directory_earlier_text TO editor;
GRANT SELECT (id, agency_id, kek_version, key_bundle), UPDATE (kek_version, key_bundle)
      ON directory_earlier_text TO jobs;
GRANT SELECT, DELETE ON directory_earlier_text TO definer;

CREATE POLICY own_text ON directory_earlier_text TO editor
    USING (agency_id = (SELECT sec.directory_editor_agency_id())
           AND sec.is_editor_of(organization_id))
    WITH CHECK (agency_id = (SELECT sec.directory_editor_agency_id())
                AND sec.is_editor_of(organization_id)
                AND CASE kind WHEN 'undo' THEN ends_at <= sec.clock() + interval '24 hours'
                    ELSE sec.may_keep_earlier_text(organization_id, row_id, places) END);
CREATE POLICY jobs_see ON directory_earlier_text FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON directory_earlier_text FOR UPDATE TO jobs
    USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON directory_earlier_text FOR SELECT TO definer USING (true);
CREATE POLICY definer_ends ON directory_earlier_text FOR DELETE TO definer USING (true);

CREATE TRIGGER ends_its_key AFTER DELETE ON directory_earlier_text REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sec.end_keys_of_earlier_text();

CREATE TRIGGER erases_text AFTER UPDATE OF confidential ON directory_organization
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.erase_earlier_text();
CREATE TRIGGER erases_text AFTER UPDATE OF confidential, organization_id ON directory_service
    FOR EACH ROW WHEN ((NEW.confidential AND NOT OLD.confidential)
                       OR NEW.organization_id <> OLD.organization_id)
    EXECUTE FUNCTION sec.erase_earlier_text();
CREATE TRIGGER erases_text AFTER UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.erase_earlier_text();
CREATE TRIGGER erases_old_text AFTER INSERT ON directory_organization
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION sec.erase_earlier_text();
CREATE TRIGGER erases_old_text AFTER INSERT ON directory_service
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION sec.erase_earlier_text();
CREATE TRIGGER erases_old_text AFTER INSERT ON directory_location
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION sec.erase_earlier_text();
