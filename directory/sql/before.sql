-- Applied before each migration, as `owner`: extensions, and the functions that indexes need.
-- Running it twice is safe. It names no table: a new database has none yet.

-- All are "trusted": the database's owner may create them (PostgreSQL 13 on).
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS cube;

-- A postcode in the form that is compared (directory/projection/search_rows.py). An index stores
-- its results: a change here needs a migration that builds the index again.
CREATE OR REPLACE FUNCTION sec.postcode(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN code ~ '^[0-9]{5}-?[0-9]{4}$' THEN left(code, 5) ELSE code END
      FROM (SELECT upper(regexp_replace(written, '\s', '', 'g')) AS code) plain
$$;
REVOKE ALL ON FUNCTION sec.postcode(text) FROM PUBLIC;

-- The numbers of a service that are compared (directory/duplicates): the last ten digits, without
-- short numbers such as 988, which thousands have. An index stores its results, too.
CREATE OR REPLACE FUNCTION sec.phone_numbers(phones jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT right(digits, 10)), '{}')
      FROM (SELECT regexp_replace(one ->> 'number', '[^0-9]', '', 'g') AS digits
              FROM jsonb_array_elements(phones) one) plain
     WHERE length(digits) >= 10
$$;
REVOKE ALL ON FUNCTION sec.phone_numbers(jsonb) FROM PUBLIC;
