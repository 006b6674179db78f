-- Applied before each migration, as `owner`: the function that a column default needs. Running it
-- twice is safe.

-- The transaction that writes an event, as the feeds count it (sql/functions/feed.sql). A cluster
-- made from a restored dump counts its transactions from the beginning. The base is added to each
-- number, so that what is written after a restore comes after everything that was read before it
-- (sec.continue_xact_count, manage.py database recover).
CREATE OR REPLACE FUNCTION sec.xact() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN pg_current_xact_id()::text::bigint + (SELECT base FROM public.xact_base);
END $$;
REVOKE ALL ON FUNCTION sec.xact() FROM PUBLIC;
