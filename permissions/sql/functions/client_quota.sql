-- as: definer
-- TH2: how many packets and notes a partner system may open.

-- TH2: how long the calling system must wait before it may open a packet or notes of this referral.
-- NULL: it may now; people always may. Within 24 hours a system opens as many different referrals
-- as its quota allows, and those again without limit. Only allowed openings in the log are counted.
-- The query finds no client for a person, so the result is NULL.
CREATE FUNCTION sec.client_quota_wait(referral uuid) RETURNS interval
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    now timestamptz := sec.clock();
    most int;
    opened record;
BEGIN
    -- OFFSET keeps the referral out of the inner search: by its own index the planner may read
    -- every look at it, where the few openings of a day have an index that ends at the newest.
    IF EXISTS (SELECT FROM (SELECT e.referral_id FROM public.access_entry e
                             WHERE e.client_id = me.client_id AND e.decision = 'allowed'
                               AND e.act IN ('referral.open_packet', 'referral.open_notes')
                               AND e.at > now - interval '24 hours' AND e.at <= now
                             ORDER BY e.at DESC OFFSET 0) one
                WHERE one.referral_id = referral) THEN
        RETURN NULL;
    END IF;
    SELECT k.openings_a_day INTO most FROM public.permissions_client k WHERE k.id = me.client_id;
    SELECT count(*) AS number, min(one.last) AS first INTO opened
      FROM (SELECT e.referral_id, max(e.at) AS last
              FROM public.access_entry e
             WHERE e.client_id = me.client_id AND e.decision = 'allowed'
               AND e.act IN ('referral.open_packet', 'referral.open_notes')
               AND e.at > now - interval '24 hours' AND e.at <= now
             GROUP BY e.referral_id) one;
    IF opened.number < most THEN
        RETURN NULL;
    END IF;
    RETURN opened.first + interval '24 hours' - now;
END $$;

-- What the calling system may read about itself: no row for a person. `opened`: of how many
-- referrals it opened packets or notes within 24 hours, as its agency's administrator is shown it:
-- without those that bar the caller, to whom every number is that of a network without them (R3).
CREATE FUNCTION sec.own_client()
RETURNS TABLE (client_id text, name text, openings_a_day int, opened bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    hidden uuid[] := CASE WHEN me.client_id IS NOT NULL THEN sec.blocked_referral_ids() END;
    now timestamptz := sec.clock();
BEGIN
    RETURN QUERY
    SELECT k.client_id::text, k.name::text, k.openings_a_day,
           (SELECT count(DISTINCT e.referral_id) FROM public.access_entry e
             WHERE e.client_id = k.id AND e.decision = 'allowed'
               AND e.act IN ('referral.open_packet', 'referral.open_notes')
               AND e.at > now - interval '24 hours' AND e.at <= now
               AND NOT e.referral_id = ANY (hidden))
      FROM public.permissions_client k
     WHERE k.id = me.client_id;
END $$;

REVOKE ALL ON FUNCTION sec.client_quota_wait(uuid), sec.own_client() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.client_quota_wait(uuid), sec.own_client() TO app;
