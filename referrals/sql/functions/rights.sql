-- as: definer
-- Counts of the rights that survivors were given (referrals/rights/tally.py).

-- Keep marks of a record for the count of this month: ids that tell no time, and for each a tag
-- that only the server can read. For a member who works on the referral.
CREATE FUNCTION sec.mark_rights(referral uuid, ids uuid[], tags bytea[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.writer_agency_id();
BEGIN
    IF mine IS NULL OR NOT sec.is_assigned(referral) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.rights_mark (id, referral_id, agency_id, month, tag)
    SELECT m.id, referral, mine,
           date_trunc('month', sec.clock() AT TIME ZONE a.time_zone)::date, m.tag
      FROM unnest(ids, tags) AS m (id, tag), public.permissions_agency a
     WHERE a.id = mine AND a.exercise_id IS NULL;  -- practice is not counted
END $$;

-- What a caller may count of the months that are over. A lead: their own agency's, less every
-- referral that ever barred anyone, so that whom it bars counts what all others count. The
-- coordinator: the whole network's, all of it; the agency is not said. `item` is null for a mark,
-- which counts one. A caller with neither role is refused.
CREATE FUNCTION sec.rights_counts(network boolean)
RETURNS TABLE (month date, item text, number integer, id uuid, tag bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    this_month date := (SELECT date_trunc('month', sec.clock() AT TIME ZONE a.time_zone)::date
                          FROM public.permissions_agency a WHERE a.id = me.agency_id);
BEGIN
    IF this_month IS NULL OR NOT coalesce(
        CASE WHEN network THEN 'coordinator' ELSE 'lead' END = ANY (me.roles), false) THEN
        RAISE EXCEPTION 'no such counts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    SELECT t.month, t.item, t.number, NULL::uuid, NULL::bytea
      FROM public.rights_tally t
     WHERE t.month < this_month AND (network OR t.agency_id = me.agency_id)
    UNION ALL
    SELECT m.month, NULL::text, 1, m.id, m.tag
      FROM public.rights_mark m
     WHERE m.month < this_month
       AND (network OR (m.agency_id = me.agency_id AND NOT EXISTS (
            SELECT FROM public.conflict_block b WHERE b.referral_id = m.referral_id)));
END $$;

REVOKE ALL ON FUNCTION sec.mark_rights(uuid, uuid[], bytea[]),
    sec.rights_counts(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.mark_rights(uuid, uuid[], bytea[]),
    sec.rights_counts(boolean) TO app;
