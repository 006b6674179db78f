-- The offset of the clock: the owner alone writes it.

CREATE TRIGGER keep_shift AFTER INSERT OR UPDATE ON clock_offset
    FOR EACH ROW EXECUTE FUNCTION sec.keep_shift();

-- sec.shift() has just been made with no offset: the trigger writes the one that is kept into it.
UPDATE clock_offset SET shift = shift;
