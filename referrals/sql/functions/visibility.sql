-- as: owner
-- Functions for policies, which run with the rights of the calling role.

-- Opaque to the planner on purpose (plpgsql): an SQL body would be inlined and change the plan.
CREATE FUNCTION sec.may_see_referral(
    referral uuid, sender uuid, recipient uuid, sent timestamptz, has_block boolean, agency uuid
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF agency = sender OR (agency = recipient AND sent IS NOT NULL) THEN
        IF has_block THEN
            RETURN sec.is_not_blocked(referral);  -- off the common path: it reads a table
        END IF;
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Raise an error where a statement must find something and did not, so that the entry written
-- before it is rolled back.
CREATE FUNCTION sec.refuse_nothing_open() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'nothing is open' USING ERRCODE = 'no_data_found';
END $$;

REVOKE ALL ON FUNCTION sec.may_see_referral(uuid, uuid, uuid, timestamptz, boolean, uuid),
    sec.refuse_nothing_open() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.may_see_referral(uuid, uuid, uuid, timestamptz, boolean, uuid) TO app, definer;
GRANT EXECUTE ON FUNCTION sec.refuse_nothing_open() TO app;
