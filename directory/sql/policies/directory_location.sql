-- A place: see directory_sources.sql. The location of a confidential place is not kept (R4).

GRANT UPDATE ON directory_location TO gate;

CREATE POLICY gate_hides ON directory_location FOR UPDATE TO gate
    USING (true) WITH CHECK (confidential);

CREATE TRIGGER loses_its_key BEFORE UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.location_loses_its_key();
CREATE TRIGGER hides AFTER UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.location_hides();
CREATE TRIGGER begins_hidden BEFORE INSERT ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential) EXECUTE FUNCTION sec.begins_hidden();
CREATE TRIGGER moves AFTER UPDATE OF organization_id ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential
                       AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION sec.place_moves();
CREATE CONSTRAINT TRIGGER stays_hidden AFTER UPDATE OF confidential ON directory_location
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.confidential AND NOT NEW.confidential)
    EXECUTE FUNCTION sec.stays_hidden();
