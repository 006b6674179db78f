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

-- The position of an event in the feed of the caller's agency, for a replay that begins with it. An
-- event that the agency's mailbox may not know returns no row.
CREATE FUNCTION sec.event_position(event uuid) RETURNS TABLE (xact bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.webhook_manager_agency_id();
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
    sec.record_delivery(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.event_reader_agency_id(), sec.event_position(uuid),
    sec.record_delivery(uuid, uuid) TO app;
