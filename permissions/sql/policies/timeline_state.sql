-- Which server the database is on. Only the functions of `definer` write it.

GRANT SELECT, UPDATE ON timeline_state TO definer;

CREATE TRIGGER keep_timeline AFTER INSERT OR UPDATE OF timeline ON timeline_state
    FOR EACH ROW EXECUTE FUNCTION sec.store_timeline();

-- before.sql may have just created sec.remembered_timeline(): the trigger writes the kept one.
UPDATE timeline_state SET timeline = timeline;
