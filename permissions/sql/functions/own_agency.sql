-- as: definer
-- What an agency's administrator does for their own agency at the desk: partner systems, settings,
-- and the list of such changes. Each function asks who calls, so none of them serves another role
-- or another agency, whatever the code says.

-- Record a change of one of the agency's own partner systems. `signin`, which alone writes those
-- rows, calls it in the transaction of the change: the change and its entry commit together, and a
-- caller who is not the administrator of the system's agency fails both. The entry names the member
-- who acted; the system is among its codes, since `client_id` would say that the system acted.
CREATE FUNCTION sec.log_own_system_change(
    entry_id uuid, what text, system uuid, codes text[], request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.administrator_agency_id();
BEGIN
    IF mine IS NULL OR NOT EXISTS (
        SELECT FROM public.permissions_client k WHERE k.id = system AND k.agency_id = mine) THEN
        RAISE EXCEPTION 'not a system of the caller''s agency'
              USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF what NOT IN ('partner.add', 'partner.add_keys', 'partner.remove_key', 'partner.set_keys_url',
                    'partner.set_networks', 'partner.set_quota', 'partner.end',
                    'partner.return') THEN
        RAISE EXCEPTION 'not a change of a system' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.access_entry (id, agency_id, member_id, act, fields, decision, request_id,
                                     address_prefix)
    VALUES (entry_id, mine, me.member_id, what,
            ('system:' || replace(system::text, '-', '')) || codes, 'allowed', request, prefix);
END $$;

-- The partner systems of the agency that the caller administers, without its card, which is none
-- and never gets a key (permissions/card/cards.py). Use and refusal are of requests for a
-- token, of an identity provider's system for anything, looked for in the last 30 days. `opened`:
-- of how many referrals the system opened packets or notes within 24 hours; without those that bar
-- the caller, to whom every number is that of a network without them (R3).
CREATE FUNCTION sec.own_systems()
RETURNS TABLE (id uuid, client_id text, name text, scopes text[], system_of_record boolean,
               networks text[], openings_a_day int, active boolean, public_keys jsonb,
               keys_url text, opened bigint, used_at timestamptz, refused_at timestamptz,
               refusal text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.administrator_agency_id();
    hidden uuid[] := CASE WHEN mine IS NOT NULL THEN sec.blocked_referral_ids() END;
    now timestamptz := sec.clock();
BEGIN
    RETURN QUERY
    SELECT k.id, k.client_id::text, k.name::text, k.scopes, k.system_of_record, k.networks,
           k.openings_a_day, k.active, k.public_keys, k.keys_url,
           (SELECT count(DISTINCT e.referral_id) FROM public.access_entry e
             WHERE e.client_id = k.id AND e.decision = 'allowed'
               AND e.act IN ('referral.open_packet', 'referral.open_notes')
               AND e.at > now - interval '24 hours' AND e.at <= now
               AND NOT e.referral_id = ANY (hidden)),
           used.at, refused.at, refused.rule
      FROM public.permissions_client k
      LEFT JOIN LATERAL (
            SELECT e.at FROM public.access_entry e
             WHERE e.agency_id = mine AND e.client_id = k.id
               AND (e.act = 'token.issue' OR k.scopes = ARRAY['scim'])
               AND e.decision = 'allowed' AND e.at > now - interval '30 days'
             ORDER BY e.at DESC LIMIT 1) used ON true
      LEFT JOIN LATERAL (
            SELECT e.at, e.rule FROM public.access_entry e
             WHERE e.agency_id = mine AND e.client_id = k.id
               AND (e.act = 'token.issue' OR k.scopes = ARRAY['scim'])
               AND e.decision = 'refused' AND e.at > now - interval '30 days'
             ORDER BY e.at DESC LIMIT 1) refused ON true
     WHERE k.agency_id = mine
       AND NOT EXISTS (SELECT FROM public.permissions_card c WHERE c.client_id = k.id)
     ORDER BY k.active DESC, lower(k.name), k.id;
END $$;

-- When each key of one of these systems was last used to fetch a token, within 30 days.
CREATE FUNCTION sec.own_system_key_uses(system uuid) RETURNS TABLE (key_code text, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.administrator_agency_id();
BEGIN
    RETURN QUERY
    SELECT f, max(e.at) FROM public.access_entry e CROSS JOIN LATERAL unnest(e.fields) f
     WHERE e.agency_id = mine AND e.client_id = system AND e.act = 'token.issue'
       AND e.decision = 'allowed' AND e.at > sec.clock() - interval '30 days'
       AND f LIKE 'key:%'
     GROUP BY f;
END $$;

-- Change the settings of the agency that the caller administers: `changes` is an object of these
-- columns; one that is not in it stays. `app` has no right on the table itself.
CREATE FUNCTION sec.set_own_agency(changes jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.administrator_agency_id();
BEGIN
    IF mine IS NULL THEN
        RAISE EXCEPTION 'not an administrator' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.permissions_agency a
       SET (time_zone, opening_hours, holidays, durations, retention_days, takes_notices) = (
            SELECT r.time_zone, r.opening_hours, r.holidays, r.durations, r.retention_days,
                   r.takes_notices
              FROM jsonb_populate_record(a, changes) r)
     WHERE a.id = mine;
END $$;

-- The changes that the agency's administrators and the operator made to it, and what the operator
-- tried and was refused, newest first: for its leads and administrators. They are few among the
-- agency's entries: all of them are found by their acts, and then put in order. Planned with the
-- acts each time, for these say how few.
CREATE FUNCTION sec.own_agency_changes(before timestamptz, before_id uuid, most int)
RETURNS TABLE (id uuid, at timestamptz, member_id uuid, client_id uuid, act text, fields text[],
               system_name text, refused boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    me sec.identity := sec.identity();
    changes text[] := ARRAY(SELECT jsonb_object_keys(sec.log_changes()));
BEGIN
    IF me.client_id IS NOT NULL OR NOT me.roles && ARRAY['lead', 'agency_admin'] THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH changed AS MATERIALIZED (
        SELECT c.* FROM public.access_entry c
         WHERE c.agency_id = me.agency_id AND c.act = ANY (changes)
           AND (c.decision = 'allowed' OR sec.is_operator_act(c.act))
           AND (before IS NULL OR (c.at <= before AND (c.at, c.id) < (before, before_id))))
    SELECT e.id, e.at, e.member_id, e.client_id, e.act, e.fields, k.name::text,
           e.decision = 'refused'
      FROM changed e
      LEFT JOIN public.permissions_client k ON k.agency_id = me.agency_id
           AND (k.id = e.client_id
                OR 'system:' || replace(k.id::text, '-', '') = e.fields[1])
     ORDER BY e.at DESC, e.id DESC LIMIT least(most, 101);
END $$;

REVOKE ALL ON FUNCTION
    sec.log_own_system_change(uuid, text, uuid, text[], uuid, text), sec.own_systems(),
    sec.own_system_key_uses(uuid), sec.set_own_agency(jsonb),
    sec.own_agency_changes(timestamptz, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.log_own_system_change(uuid, text, uuid, text[], uuid, text) TO signin;
GRANT EXECUTE ON FUNCTION sec.own_systems(), sec.own_system_key_uses(uuid),
    sec.set_own_agency(jsonb), sec.own_agency_changes(timestamptz, uuid, int) TO app;
