-- The postgres image of compose.yaml runs this once, as its superuser, in an empty data folder. It
-- makes the roles, sets their passwords from the environment, and makes the database. On a server
-- of your own, do the same by hand: RUNBOOK.md, "The database". (psql only.)

\i /etc/cairn/roles.sql

\getenv owner PASSWORD_OWNER
\getenv app PASSWORD_APP
\getenv door PASSWORD_DOOR
\getenv editor PASSWORD_EDITOR
\getenv auditor PASSWORD_AUDITOR
\getenv jobs PASSWORD_JOBS
\getenv sealer PASSWORD_SEALER
ALTER ROLE owner PASSWORD :'owner';
ALTER ROLE app PASSWORD :'app';
ALTER ROLE door PASSWORD :'door';
ALTER ROLE editor PASSWORD :'editor';
ALTER ROLE auditor PASSWORD :'auditor';
ALTER ROLE jobs PASSWORD :'jobs';
ALTER ROLE sealer PASSWORD :'sealer';
-- `backup` gets no password: with scram, a role without one cannot log in.

CREATE DATABASE cairn OWNER owner TEMPLATE template0 ENCODING 'UTF8';
\connect cairn
SET SESSION AUTHORIZATION owner;
\i /etc/cairn/database.sql
