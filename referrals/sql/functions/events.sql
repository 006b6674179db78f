-- as: definer
-- Events: who reads them, and a receipt that a system writes.

-- The agency, if the caller may know of events: a worker or lead, or a client with referrals:read
-- (histories) or events:read (the feed), whose named staff, if any, is a worker or lead.
CREATE FUNCTION sec.event_reader_agency_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

-- A page of the feed of the caller's agency, in the order of (xact, id), from behind a place: what
-- the policies of referral_event show them. It is read here, past the policies, because these make
-- the planner expect a single row, and sort the agency's whole history for each page.
CREATE FUNCTION sec.event_page(after_xact bigint, after_id uuid, page int)
RETURNS TABLE (id uuid, at timestamptz, referral_id uuid, act text, agency_id uuid,
               from_agency_id uuid, code text, member_id uuid, about_id uuid, xact bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100 AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.event_reader_agency_id();
    bound bigint := sec.xact_bound();
BEGIN
    RETURN QUERY
    SELECT boxes.id, boxes.at, boxes.referral_id, boxes.act, boxes.agency_id,
           boxes.from_agency_id, boxes.code, boxes.member_id, boxes.about_id, boxes.xact
      FROM ((SELECT e.* FROM public.referral_event e
              WHERE e.from_agency_id = mine AND e.from_sees
                AND (e.xact, e.id) > (after_xact, after_id) AND e.xact < bound
                AND (NOT e.reserved OR sec.is_responsible_for(e.referral_id))
                AND (e.act NOT IN ('block', 'unblock')
                     OR e.about_id IS DISTINCT FROM me.member_id)
                AND sec.is_not_blocked(e.referral_id)
              ORDER BY e.xact, e.id LIMIT page)
            UNION ALL
            (SELECT e.* FROM public.referral_event e
              WHERE e.to_agency_id = mine AND e.to_sees
                AND (e.xact, e.id) > (after_xact, after_id) AND e.xact < bound
                AND (e.act NOT IN ('leads_only', 'end_leads_only') OR 'lead' = ANY (me.roles))
                AND (NOT e.reserved OR sec.is_responsible_for(e.referral_id))
                AND (e.act NOT IN ('block', 'unblock')
                     OR e.about_id IS DISTINCT FROM me.member_id)
                AND sec.is_not_blocked(e.referral_id)
              ORDER BY e.xact, e.id LIMIT page)) boxes
     ORDER BY boxes.xact, boxes.id LIMIT page;
END $$;

-- The position of an event in the feed of the caller's agency, for a replay that begins with it. An
-- event that the agency's mailbox may not know returns no row, with the same work as for none.
CREATE FUNCTION sec.event_position(event uuid) RETURNS TABLE (xact bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.webhook_manager_agency_id();
    known uuid := sec.unblocked_event_id(event, mine, true);
BEGIN
    IF known IS NOT NULL THEN
        RETURN QUERY SELECT p.xact FROM sec.event_position_for(known, mine) p;
    END IF;
END $$;

-- The same for the mailbox of this agency. A page of tries asks it of each row: its cost keeps the
-- planner from asking it of all before the page is cut.
CREATE FUNCTION sec.event_position_for(event uuid, mine uuid) RETURNS TABLE (xact bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 2000 AS $$
BEGIN
    RETURN QUERY
    SELECT e.xact FROM public.referral_event e
     WHERE e.id = event AND NOT e.reserved
       AND ((e.from_agency_id = mine AND e.from_sees) OR (e.to_agency_id = mine AND e.to_sees))
       AND NOT sec.is_mailbox_blocked(e.referral_id, mine);
END $$;

-- R15: one of the recipient's systems received the referral. Only the recipient's side sees this
-- event: it stops no alarm, and names a member only if the client names one.
CREATE FUNCTION sec.record_delivery(event_id uuid, referral uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    INSERT INTO public.referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,
                                       agency_id, member_id, reserved, from_sees, to_sees)
    SELECT event_id, f.id, f.from_agency_id, f.to_agency_id, sec.clock(), 'delivered',
           me.agency_id, me.member_id, false, false, true
      FROM public.referral f
     WHERE f.id = referral AND f.to_agency_id = sec.caseworker_agency_id()
         AND me.client_id IS NOT NULL
       AND f.status = 'sent' AND sec.is_not_blocked(f.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.event_reader_agency_id(), sec.event_position(uuid),
    sec.event_position_for(uuid, uuid), sec.event_page(bigint, uuid, int),
    sec.record_delivery(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.event_reader_agency_id(), sec.event_position(uuid),
    sec.event_page(bigint, uuid, int), sec.record_delivery(uuid, uuid) TO app;
