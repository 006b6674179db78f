-- Applied before each migration, as `owner`: our functions' schema and the functions that column
-- defaults need. Running it twice is safe. It names no table: a new database has none yet.

DO $$
DECLARE
    missing text := (
        SELECT string_agg(name, ', ' ORDER BY name)
          FROM unnest(ARRAY['owner', 'app', 'signin', 'editor', 'definer', 'jobs', 'auditor',
              'sealer',
                            'backup']) name
         WHERE to_regrole(name) IS NULL);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'The database roles % are missing. Run deploy/roles.sql as the cluster''s'
                        ' superuser first.', missing;
    END IF;
END $$;

CREATE SCHEMA IF NOT EXISTS sec;
GRANT USAGE, CREATE ON SCHEMA sec TO definer;

-- The offset that sec.clock() adds. Table clock_offset keeps it; sec.store_shift() writes it here.
DO $$
BEGIN
    IF to_regprocedure('sec.shift()') IS NULL THEN
        CREATE FUNCTION sec.shift() RETURNS interval LANGUAGE sql IMMUTABLE
            AS $s$ SELECT interval '0' $s$;
    END IF;
END $$;

-- Which server the database was last known to be true on. Table timeline_state keeps it;
-- sec.store_timeline() writes it here, so that to ask for it reads no table.
DO $$
BEGIN
    IF to_regprocedure('sec.remembered_timeline()') IS NULL THEN
        CREATE FUNCTION sec.remembered_timeline() RETURNS text LANGUAGE sql IMMUTABLE
            AS $s$ SELECT '' $s$;
        REVOKE ALL ON FUNCTION sec.remembered_timeline() FROM PUBLIC;
        ALTER FUNCTION sec.remembered_timeline() OWNER TO definer;  -- who replaces it
    END IF;
END $$;

-- clock_timestamp(), not now(): a transaction that waited for a lock must not decide by the time at
-- which it began. STABLE lets a policy evaluate it once a scan.
--
-- Everything asks for the time: so this is where a database that was restored, or that a failover
-- brought to another server, refuses (sec.require_timeline). What a session has verified it keeps
-- in cairn.timeline; the timeline itself is asked for each time, since a standby that becomes the
-- primary keeps its sessions. On a standby nothing can be written, and reads go on.
CREATE OR REPLACE FUNCTION sec.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT pg_is_in_recovery() THEN
        IF current_setting('cairn.timeline', true) IS DISTINCT FROM sec.remembered_timeline()
           OR left(sec.remembered_timeline(), 8)
              <> left(pg_walfile_name(pg_current_wal_lsn()), 8) THEN
            PERFORM sec.require_timeline();
        END IF;
    END IF;
    RETURN clock_timestamp() + sec.shift();
END $$;

REVOKE ALL ON FUNCTION sec.shift(), sec.clock() FROM PUBLIC;
