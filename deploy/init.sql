-- The postgres image of compose.yaml runs this once, as its superuser, in an empty data folder. It
-- makes the roles, sets their passwords from the files of secrets.sh, and makes the database. The
-- first leader of a cluster runs it as well, with passwords from its environment
-- (cluster/bootstrap.sh). On a server of your own, do the same by hand: RUNBOOK.md, "The database".
-- (psql only.)

\i /etc/cairn/roles.sql

\set owner `printf %s "${PASSWORD_OWNER:-$(cat /run/secrets/password_owner)}"`
\set app `printf %s "${PASSWORD_APP:-$(cat /run/secrets/password_app)}"`
\set signin `printf %s "${PASSWORD_SIGNIN:-$(cat /run/secrets/password_signin)}"`
\set editor `printf %s "${PASSWORD_EDITOR:-$(cat /run/secrets/password_editor)}"`
\set auditor `printf %s "${PASSWORD_AUDITOR:-$(cat /run/secrets/password_auditor)}"`
\set jobs `printf %s "${PASSWORD_JOBS:-$(cat /run/secrets/password_jobs)}"`
\set sealer `printf %s "${PASSWORD_SEALER:-$(cat /run/secrets/password_sealer)}"`
ALTER ROLE owner PASSWORD :'owner';
ALTER ROLE app PASSWORD :'app';
ALTER ROLE signin PASSWORD :'signin';
ALTER ROLE editor PASSWORD :'editor';
ALTER ROLE auditor PASSWORD :'auditor';
ALTER ROLE jobs PASSWORD :'jobs';
ALTER ROLE sealer PASSWORD :'sealer';
-- `backup` gets no password: with scram, a role without one cannot log in.

CREATE DATABASE cairn OWNER owner TEMPLATE template0 ENCODING 'UTF8';
\connect cairn
\i /etc/cairn/server_functions.sql
SET SESSION AUTHORIZATION owner;
\i /etc/cairn/database.sql
