-- The offset of the clock: the owner alone writes it.

CREATE TRIGGER keep_shift AFTER INSERT OR UPDATE ON clock_offset
    FOR EACH ROW EXECUTE FUNCTION sec.keep_shift();

-- before.sql has just made sec.shift() again, with no offset: the trigger writes the kept one.
UPDATE clock_offset SET shift = shift;
