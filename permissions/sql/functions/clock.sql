-- as: owner
-- One clock for every rule. The offset is for tests and exercises: neither `app` nor `jobs` can
-- write it, and a deploy check refuses any value but zero. The trigger writes the offset into
-- sec.shift(), so that reading the time reads no table. before.sql makes sec.shift and sec.clock.

CREATE FUNCTION sec.store_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION sec.shift() RETURNS interval'
                   ' LANGUAGE sql IMMUTABLE AS $s$ SELECT interval %L $s$', NEW.shift);
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION sec.store_shift() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.shift(),
    sec.clock() TO app, signin, editor, auditor, jobs, sealer, definer;
