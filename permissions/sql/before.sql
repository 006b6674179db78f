-- Applied before each migration, as `owner`: our functions' schema and the functions that column
-- defaults need. Running it twice is safe. It names no table: a new database has none yet.

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

-- The offset that sec.clock() adds. Table clock_offset keeps it; sec.keep_shift() writes it here.
DO $$
BEGIN
    IF to_regprocedure('sec.shift()') IS NULL THEN
        CREATE FUNCTION sec.shift() RETURNS interval LANGUAGE sql IMMUTABLE
            AS $s$ SELECT interval '0' $s$;
    END IF;
END $$;

-- clock_timestamp(), not now(): a transaction that waited for a lock must not decide by the time at
-- which it began. STABLE lets a policy evaluate it once a scan.
CREATE OR REPLACE FUNCTION sec.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN clock_timestamp() + sec.shift();
END $$;

REVOKE ALL ON FUNCTION sec.shift(), sec.clock() FROM PUBLIC;
