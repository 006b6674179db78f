-- One database of Cairn: only Cairn's roles may connect, and none of them may create anything.
--
-- Run as `owner`, in a database that `owner` has just created from template0. Running it twice is
-- safe. It is plain SQL without psql commands. The roles come from deploy/roles.sql.

DO $$
BEGIN
    -- ALL is CONNECT and TEMPORARY: a temporary table could hide a real one.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO app, signin, editor, jobs, auditor, sealer, backup',
        current_database());
    -- `public` belongs to pg_database_owner. Up to PostgreSQL 15 a NOINHERIT role must step into
    -- that role to act for it, and cannot take the schema over: so it makes the schema again.
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace
               WHERE nspname = 'public' AND nspowner <> 'owner'::regrole) THEN
        SET LOCAL ROLE pg_database_owner;
        DROP SCHEMA public;
        RESET ROLE;
        CREATE SCHEMA public AUTHORIZATION owner;
    END IF;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app, signin, editor, definer, jobs, auditor, sealer, backup;
