-- as: definer
-- What a recovery found to be lost (referrals/recovery/lost_acts.py).

-- For a lead in person: the acts of the last 30 days' recoveries that their agency's side knew, and
-- whom to call. One of a referral that still exists is left out for whom a block bars.
CREATE FUNCTION sec.lost_acts()
RETURNS TABLE (event_id uuid, found_at timestamptz, at timestamptz, act text, own boolean,
               referral_id uuid, there boolean, other_name text, other_phone text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NOT NULL OR NOT coalesce('lead' = ANY (me.roles), false) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT l.event_id, l.found_at, l.at, l.act, l.own, l.referral_id, f.id IS NOT NULL, a.name,
           a.duty_phone
      FROM public.lost_act l
      JOIN public.permissions_agency a ON a.id = l.other_agency_id
      LEFT JOIN public.referral f ON f.id = l.referral_id
     WHERE l.agency_id = me.agency_id AND l.found_at > sec.clock() - interval '30 days'
       AND (f.id IS NULL OR sec.is_not_blocked(f.id))
     ORDER BY l.at, l.event_id LIMIT 200;
END $$;

-- Notify an agency's leads, by their own proven channels, that acts may be lost: one message to a
-- channel, and none where one waits already. A call only where nothing else reaches them. Returns
-- how many were queued.
CREATE FUNCTION sec.queue_lost_acts_message(agency uuid) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    made int;
BEGIN
    WITH own AS MATERIALIZED (
        SELECT DISTINCT ON (m.person_id, c.kind, lower(c.address))
               c.id, c.agency_id, c.membership_id, c.kind, m.person_id
          FROM public.channel c JOIN public.permissions_membership m ON m.id = c.membership_id
         WHERE m.agency_id = agency AND c.use = 'own' AND c.proven_at IS NOT NULL
           AND m.live AND 'lead' = ANY (m.roles)
         ORDER BY m.person_id, c.kind, lower(c.address), c.id)
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference)
    SELECT gen_random_uuid(), gen_random_uuid(), o.agency_id, o.membership_id, o.id, o.kind,
           'lost_acts', 'AGENCY'
      FROM own o
     WHERE (o.kind <> 'voice' OR NOT EXISTS (
            SELECT FROM own p WHERE p.person_id = o.person_id AND p.kind <> 'voice'))
       AND NOT EXISTS (SELECT FROM public.message w WHERE w.state = 'waiting' AND w.kind = o.kind
                          AND w.channel_id = o.id AND w.template = 'lost_acts');
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;

REVOKE ALL ON FUNCTION sec.lost_acts(), sec.queue_lost_acts_message(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.lost_acts() TO app;
GRANT EXECUTE ON FUNCTION sec.queue_lost_acts_message(uuid) TO jobs;
