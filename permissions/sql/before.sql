-- Applied before each migration, as `owner`: the schema of our functions, and those that the
-- default of a column needs. Twice is safe. It names no table: on a new database there is none yet.

DO $$
DECLARE
    missing text := (
        SELECT string_agg(name, ', ' ORDER BY name)
          FROM unnest(ARRAY['owner', 'app', 'door', 'editor', 'gate', 'jobs', 'auditor', 'sealer',
                            'backup']) name
         WHERE to_regrole(name) IS NULL);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'The database roles % are missing. Run deploy/roles.sql as the cluster''s'
                        ' superuser first.', missing;
    END IF;
END $$;

CREATE SCHEMA IF NOT EXISTS sec;
GRANT USAGE, CREATE ON SCHEMA sec TO gate;

-- What sec.clock() adds. The table clock_offset keeps it, and sec.keep_shift() writes it in here.
DO $$
BEGIN
    IF to_regprocedure('sec.shift()') IS NULL THEN
        CREATE FUNCTION sec.shift() RETURNS interval LANGUAGE sql IMMUTABLE
            AS $s$ SELECT interval '0' $s$;
    END IF;
END $$;

-- clock_timestamp(), not now(): a transaction that waited for a lock must not judge by the moment
-- it began. STABLE lets a policy ask once a scan.
CREATE OR REPLACE FUNCTION sec.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN clock_timestamp() + sec.shift();
END $$;

REVOKE ALL ON FUNCTION sec.shift(), sec.clock() FROM PUBLIC;
