-- as: definer
-- What `manage.py numbers check` compares. It returns where cells differ, and no number.

-- What the rows say that are not purged: the same items that were counted, one row each.
CREATE FUNCTION sec.counted_now() RETURNS TABLE (agency_id uuid, side text, begins date, item text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT CASE WHEN NOT c.from_barred THEN f.from_agency_id END, 'from',
           CASE WHEN c.from_barred THEN date_trunc('year', c.month)::date ELSE c.month END,
           unnest(sec.counted_items(f, 'from', NULL, false, c.to_kind))
      FROM public.counted_referral c JOIN public.referral f ON f.id = c.referral_id
     WHERE NOT f.from_purged
    UNION ALL
    SELECT n.whose, CASE WHEN c.from_barred OR c.to_barred THEN 'kept' ELSE 'net' END, c.month,
           n.what
      FROM public.counted_referral c JOIN public.referral f ON f.id = c.referral_id
     CROSS JOIN LATERAL (
           SELECT NULL::uuid, unnest(sec.counted_items(f, 'from', NULL, false, c.to_kind))
           UNION ALL VALUES (f.from_agency_id, 'whole:sent'), (f.to_agency_id, 'whole:received')
           ) n (whose, what)
     WHERE NOT f.from_purged
    UNION ALL
    SELECT CASE WHEN NOT c.to_barred THEN f.to_agency_id END, 'to',
           CASE WHEN c.to_barred THEN date_trunc('year', c.month)::date ELSE c.month END,
           unnest(sec.counted_items(f, 'to', sec.recipient_state(f), c.handoff_late,
                                    c.from_kind))
      FROM public.counted_referral c JOIN public.referral f ON f.id = c.referral_id
     WHERE NOT f.to_purged;
END $$;

-- The cells that are not what the rows say, less what is settled. One statement, so one moment.
CREATE FUNCTION sec.wrong_cells()
RETURNS TABLE (agency_id uuid, side text, begins date, item text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT n.agency_id, n.side, n.begins, n.item
      FROM (SELECT x.agency_id, x.side, x.begins, x.item, x.number - x.settled AS n
              FROM public.count_cell x
            UNION ALL
            SELECT l.agency_id, l.side, l.begins, l.item,
                   CASE WHEN l.settled THEN -l.number ELSE l.number END
              FROM public.count_line l
            UNION ALL
            SELECT r.agency_id, r.side, r.begins, r.item, -1 FROM sec.counted_now() r) n
     GROUP BY n.agency_id, n.side, n.begins, n.item
    HAVING sum(n.n) <> 0
     ORDER BY n.begins, n.side, n.agency_id, n.item;
END $$;

-- Where the items of which each referral has exactly one do not add up to the same number, or a
-- cell is below zero or below what is settled of it.
CREATE FUNCTION sec.uneven_cells() RETURNS TABLE (agency_id uuid, side text, begins date, item text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH whole AS (
        SELECT n.agency_id, n.side, n.begins, n.item, sum(n.number) AS number,
               sum(n.settled) AS settled
          FROM (SELECT x.agency_id, x.side, x.begins, x.item, x.number, x.settled
                  FROM public.count_cell x
                UNION ALL
                SELECT l.agency_id, l.side, l.begins, l.item,
                       CASE WHEN l.settled THEN 0 ELSE l.number END,
                       CASE WHEN l.settled THEN l.number ELSE 0 END
                  FROM public.count_line l) n
         GROUP BY n.agency_id, n.side, n.begins, n.item),
    by_kind AS (
        SELECT w.agency_id, w.side, w.begins, split_part(w.item, ':', 1) AS what,
               sum(w.number) AS number, sum(w.settled) AS settled
          FROM whole w
         WHERE split_part(w.item, ':', 1) IN ('kind', 'concern', 'age_band', 'urgency', 'outcome')
         GROUP BY 1, 2, 3, 4)
    SELECT k.agency_id, k.side, k.begins, ''::text FROM by_kind k
     GROUP BY 1, 2, 3
    HAVING count(DISTINCT k.number) > 1 OR count(DISTINCT k.settled) > 1
        OR (count(*) < 5 AND bool_or(k.number <> 0))
    UNION ALL
    SELECT w.agency_id, w.side, w.begins, w.item FROM whole w
     WHERE w.settled < 0 OR w.number < w.settled
     ORDER BY 3, 2, 1, 4;
END $$;

REVOKE ALL ON FUNCTION sec.counted_now(), sec.wrong_cells(), sec.uneven_cells() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.wrong_cells(), sec.uneven_cells() TO jobs;
