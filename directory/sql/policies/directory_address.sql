-- An address: see directory_sources.sql. A confidential place has none (R4).

CREATE TRIGGER leaves AFTER DELETE ON directory_address REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sec.refresh_postcodes();
CREATE TRIGGER moves AFTER UPDATE ON directory_address REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sec.refresh_postcodes();
CREATE TRIGGER is_public BEFORE INSERT OR UPDATE ON directory_address
    FOR EACH ROW EXECUTE FUNCTION sec.require_public_location();
