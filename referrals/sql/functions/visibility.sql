-- as: owner
-- Functions for policies, which run with the rights of the calling role.

-- Opaque to the planner on purpose (plpgsql): an SQL body would be inlined and change the plan.
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

-- Raise an error where a statement must find something and did not, so that the entry written
-- before it is rolled back.
CREATE FUNCTION sec.nothing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'nothing is open' USING ERRCODE = 'no_data_found';
END $$;

REVOKE ALL ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid),
    sec.nothing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid) TO app, gate;
GRANT EXECUTE ON FUNCTION sec.nothing() TO app;
