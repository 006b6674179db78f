-- A service at a place: see directory_sources.sql.

CREATE TRIGGER hides AFTER INSERT OR UPDATE ON directory_serviceatlocation
    FOR EACH ROW EXECUTE FUNCTION sec.hide_linked_place();
