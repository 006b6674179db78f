-- A place: see directory_sources.sql. The location of a confidential place is not kept (R4).

GRANT UPDATE ON directory_location TO definer;

CREATE POLICY definer_hides ON directory_location FOR UPDATE TO definer
    USING (true) WITH CHECK (confidential);

CREATE TRIGGER loses_its_key BEFORE UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.clear_location_key();
CREATE TRIGGER hides AFTER UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.erase_hidden_location();
CREATE TRIGGER begins_hidden BEFORE INSERT ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential) EXECUTE FUNCTION sec.hide_new_location();
CREATE TRIGGER moves AFTER UPDATE OF organization_id ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential
                       AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION sec.hide_moved_location();
CREATE CONSTRAINT TRIGGER stays_hidden AFTER UPDATE OF confidential ON directory_location
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.confidential AND NOT NEW.confidential)
    EXECUTE FUNCTION sec.check_location_may_show();
