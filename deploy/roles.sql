-- Cairn's database roles, for a whole PostgreSQL cluster (15.14, 16.10, 17.6, 18 or later).
--
-- Run as the cluster's superuser. Running it twice is safe and resets attributes and settings that
-- were changed by hand.
-- It is plain SQL without psql commands, so psql and any driver can run it. It sets no password.
-- `manage.py database start` sets random ones; in production set yours afterwards, in psql:
--     \password owner        (and app, signin, editor, jobs, auditor, sealer, backup)
-- Then make the database, and in it run deploy/server_functions.sql as the superuser and
-- deploy/database.sql as `owner`:
--     CREATE DATABASE cairn OWNER owner TEMPLATE template0 ENCODING 'UTF8';
--
-- owner    owns every table; logs in for migrations only
-- app      serves requests; owns nothing; row-level security decides what it sees
-- signin   reads and writes credentials, passwords and sessions, and nothing else
-- editor   changes entries of the directory for those who may edit them, and nothing else
-- definer  cannot log in; owns the functions that look a credential up
-- jobs     the background work
-- auditor  reads the access log
-- sealer   seals the access log
-- backup   reserved for backups
--
-- No role may bypass row-level security, `backup` included: pg_dump as `backup` therefore stops
-- with an error on a protected table, rather than writing an incomplete copy.

DO $$
DECLARE
    name text;
    place text;
BEGIN
    FOREACH name IN ARRAY
        ARRAY['owner', 'app', 'signin', 'editor', 'definer', 'jobs', 'auditor', 'sealer', 'backup']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
        -- A role may change its own settings: RESET takes back whatever it gave itself.
        EXECUTE format('ALTER ROLE %I RESET ALL', name);
        FOR place IN
            SELECT datname FROM pg_catalog.pg_db_role_setting
            JOIN pg_catalog.pg_database ON pg_database.oid = setdatabase
            WHERE setrole = name::regrole
        LOOP
            EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', name, place);
        END LOOP;
        EXECUTE format(
            'ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION', name);
        EXECUTE format('ALTER ROLE %I SET search_path = public', name);
    END LOOP;
END
$$;

ALTER ROLE owner LOGIN NOINHERIT;
ALTER ROLE app LOGIN;
ALTER ROLE signin LOGIN;
ALTER ROLE editor LOGIN;
ALTER ROLE definer NOLOGIN;
ALTER ROLE jobs LOGIN;
ALTER ROLE auditor LOGIN;
ALTER ROLE sealer LOGIN;
ALTER ROLE backup LOGIN;

-- A request may take five seconds; an edit, which also renders entries, 15; a background step, a
-- minute.
ALTER ROLE app SET statement_timeout = '5s';
ALTER ROLE signin SET statement_timeout = '5s';
ALTER ROLE auditor SET statement_timeout = '5s';
ALTER ROLE editor SET statement_timeout = '15s';
ALTER ROLE jobs SET statement_timeout = '60s';
ALTER ROLE sealer SET statement_timeout = '60s';

-- In pg_stat_activity every session of a role sees the queries of the role's other sessions. They
-- carry tokens, with which one query could pose as any caller. The roles that serve requests show
-- nothing there; only a superuser can change the setting, so none of them can turn it on again.
ALTER ROLE app SET track_activities = off;
ALTER ROLE signin SET track_activities = off;
ALTER ROLE auditor SET track_activities = off;
ALTER ROLE editor SET track_activities = off;

ALTER ROLE app SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE signin SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE auditor SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE editor SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE jobs SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE sealer SET idle_in_transaction_session_timeout = '15s';

-- `owner` may give functions to `definer`, but must not inherit definer's rights and policies. Up
-- to PostgreSQL 15 the role's NOINHERIT ensures that; from 16 on, each grant does.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE 'GRANT definer TO owner WITH ADMIN FALSE, INHERIT FALSE, SET TRUE';
    ELSE
        EXECUTE 'GRANT definer TO owner';
    END IF;
END
$$;
