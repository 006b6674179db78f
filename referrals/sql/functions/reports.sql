-- as: definer
-- What an agency may read of its own counts (ADR 0138, 0143): only of months that are over, for a
-- lead in person, or a system of theirs with the scope reports:read that names no one else. Any
-- other caller is refused.

-- The caller's agency and its present month, by its own clock.
CREATE FUNCTION sec.reporting_agency(OUT agency uuid, OUT zone text, OUT this_month date)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    SELECT a.id, a.time_zone, date_trunc('month', sec.clock() AT TIME ZONE a.time_zone)::date
      INTO agency, zone, this_month
      FROM public.permissions_agency a
     WHERE a.id = me.agency_id AND a.exercise_id IS NULL
       AND (me.client_id IS NULL OR 'reports:read' = ANY (me.scopes))
       AND (me.member_id IS NULL OR 'lead' = ANY (me.roles));
    IF agency IS NULL THEN
        RAISE EXCEPTION 'no such counts' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- The present month of the caller's agency.
CREATE FUNCTION sec.reporting_month() RETURNS date
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT r.this_month FROM sec.reporting_agency() r);
END $$;

-- The cells of the caller's agency, from the first month to before the second.
CREATE FUNCTION sec.own_counts(since date, until date)
RETURNS TABLE (begins date, side text, item text, number bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    r record := sec.reporting_agency();
BEGIN
    RETURN QUERY
    SELECT n.begins, n.side, n.item, sum(n.number)::bigint
      FROM (SELECT x.begins, x.side, x.item, x.number FROM public.count_cell x
             WHERE x.agency_id = r.agency AND x.side IN ('from', 'to')
            UNION ALL
            SELECT l.begins, l.side, l.item, l.number FROM public.count_line l
             WHERE l.agency_id = r.agency AND l.side IN ('from', 'to') AND NOT l.settled) n
     WHERE n.begins >= since AND n.begins < least(until, r.this_month)
     GROUP BY 1, 2, 3 HAVING sum(n.number) > 0
     ORDER BY 1, 2, 3;
END $$;

-- Referrals by phone that the caller's agency recorded: how they ended.
CREATE FUNCTION sec.own_call_counts(since date, until date)
RETURNS TABLE (outcome text, number bigint) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    r record := sec.reporting_agency();
BEGIN
    RETURN QUERY
    SELECT c.outcome, count(*) FROM public.call_record c
     WHERE c.agency_id = r.agency
       AND c.created_at >= since::timestamp AT TIME ZONE r.zone
       AND c.created_at < least(until, r.this_month)::timestamp AT TIME ZONE r.zone
     GROUP BY 1 ORDER BY 1;
END $$;

-- How many minutes were counted of the phone lines of the caller's agency, and in how many of them
-- a line that answered was on call.
CREATE FUNCTION sec.own_cover(since date, until date, OUT minutes bigint, OUT covered bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    r record := sec.reporting_agency();
BEGIN
    SELECT coalesce(sum(c.minutes), 0), coalesce(sum(c.covered), 0)
      INTO own_cover.minutes, own_cover.covered
      FROM public.line_cover c
     WHERE c.agency_id = r.agency AND c.month >= own_cover.since
       AND c.month < least(own_cover.until, r.this_month);
END $$;

REVOKE ALL ON FUNCTION sec.reporting_agency(), sec.reporting_month(), sec.own_counts(date, date),
    sec.own_call_counts(date, date), sec.own_cover(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.reporting_month(), sec.own_counts(date, date),
    sec.own_call_counts(date, date), sec.own_cover(date, date) TO app;
