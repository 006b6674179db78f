-- Functions of PostgreSQL that everybody may call by default, and that nothing of Cairn calls.
--
-- Run as the cluster's superuser in each database of Cairn. Running it twice is safe. It is plain
-- SQL without psql commands. `manage.py check` says where it was not run (permissions.E009).
--
-- An injected query could end the other sessions of its own role, keep what it read in large
-- objects, where no policy and no purge reaches it, or fill the write-ahead log.

DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_catalog.pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
           AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite', 'pg_terminate_backend',
                'pg_cancel_backend', 'pg_logical_emit_message'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END
$$;
