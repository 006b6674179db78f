-- The clock's offset. Only the owner writes it.

CREATE TRIGGER keep_shift AFTER INSERT OR UPDATE ON clock_offset
    FOR EACH ROW EXECUTE FUNCTION sec.store_shift();

-- before.sql may have just created sec.shift() with a zero offset: the trigger writes the kept one.
UPDATE clock_offset SET shift = shift;
