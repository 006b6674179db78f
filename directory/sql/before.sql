-- Applied before each migration, as `owner`: extensions, and the function that an index needs.
-- Twice is safe. It names no table: on a new database there is none yet.

-- All are "trusted": the owner of the database may create them (PostgreSQL 13 on).
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS cube;

-- A postcode as it is compared (directory/projection/search_rows.py). An index holds its results:
-- whoever changes it adds a migration that builds the index again.
CREATE OR REPLACE FUNCTION sec.postcode(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN code ~ '^[0-9]{5}-?[0-9]{4}$' THEN left(code, 5) ELSE code END
      FROM (SELECT upper(regexp_replace(written, '\s', '', 'g')) AS code) plain
$$;
REVOKE ALL ON FUNCTION sec.postcode(text) FROM PUBLIC;
