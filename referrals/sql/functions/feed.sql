-- as: owner
-- The order of events, for feeds that must miss none: (xact, id), where `xact` is the transaction
-- that wrote the event (sec.xact(), made by before.sql). A reader reads up to the point where every
-- transaction has ended, and no further; a reader by "id > the last" misses what commits late.

-- Events below this bound are final: no transaction that could still write one is under way.
CREATE FUNCTION sec.xact_bound() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         + (SELECT base FROM public.xact_base);
END $$;

REVOKE ALL ON FUNCTION sec.xact_bound() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.xact(), sec.xact_bound() TO app, jobs, definer;
