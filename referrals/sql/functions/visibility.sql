-- as: owner
-- Questions of the policies that run with the rights of the role that asks.

-- Opaque to the planner on purpose (plpgsql): an SQL body would be inlined and flip the plan.
CREATE FUNCTION sec.sees(
    r uuid, f uuid, t uuid, sent timestamptz, has_block boolean, agency uuid
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF agency = f OR (agency = t AND sent IS NOT NULL) THEN
        IF has_block THEN
            RETURN sec.not_barred(r);  -- off the common path: it reads a table
        END IF;
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What a statement says that found nothing where it must: an error, so that the entry written
-- before it goes too.
CREATE FUNCTION sec.nothing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'nothing is open' USING ERRCODE = 'no_data_found';
END $$;

REVOKE ALL ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid),
    sec.nothing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid) TO app, gate;
GRANT EXECUTE ON FUNCTION sec.nothing() TO app;
