-- The order of events, for feeds that must miss none: (xact, id), where `xact` is the transaction
-- that wrote the event. A reader goes as far as every transaction has ended, and no further; one
-- by "id > the last" misses what commits late.

-- A cluster made anew (a restored dump) counts its transactions from the beginning. `base` is added
-- to each, so that what is written after a restore comes after all that was read before it
-- (`sec.count_on`, manage.py restored).
CREATE TABLE sec.xact_base (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    base bigint NOT NULL DEFAULT 0
);
INSERT INTO sec.xact_base DEFAULT VALUES;
GRANT SELECT ON sec.xact_base TO app, jobs, gate;
GRANT UPDATE (base) ON sec.xact_base TO gate;

CREATE FUNCTION sec.xact() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN pg_current_xact_id()::text::bigint + (SELECT base FROM sec.xact_base);
END $$;

-- Every event below it is there for good: no transaction that could still write one is under way.
CREATE FUNCTION sec.xact_bound() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         + (SELECT base FROM sec.xact_base);
END $$;
REVOKE ALL ON FUNCTION sec.xact(), sec.xact_bound() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.xact(), sec.xact_bound() TO app, jobs, gate;

-- The agency, if the caller may know of events: a worker or lead, or a client with referrals:read
-- (histories) or events:read (the feed), whose named staff, if any, is a worker or lead.
CREATE FUNCTION sec.event_reader() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        IF me.roles && ARRAY['worker', 'lead'] THEN
            RETURN me.agency_id;
        END IF;
    ELSIF me.scopes && ARRAY['referrals:read', 'events:read'] THEN
        IF me.member_id IS NULL OR me.roles && ARRAY['worker', 'lead'] THEN
            RETURN me.agency_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION sec.event_reader() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.event_reader() TO app;
ALTER FUNCTION sec.event_reader() OWNER TO gate;
