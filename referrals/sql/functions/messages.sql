-- as: gate
-- Messages: who may be reached, and what is taken from the outbox.

-- Queue a test message to a channel, for the member or administrator who manages it, at most once a
-- minute. Returns whether it was queued.
CREATE FUNCTION sec.ask_test(message_id uuid, which uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.message m WHERE m.channel_id = which AND m.template = 'test'
                  AND m.at > sec.clock() - interval '1 minute') THEN
        RETURN false;
    END IF;
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference)
    SELECT message_id, message_id, c.agency_id, c.membership_id, c.id, c.kind, 'test', 'TEST'
      FROM public.channel c WHERE c.id = which
       AND (c.membership_id = sec.herself()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administering()));
    RETURN FOUND;
END $$;

-- The event row is the outbox. One worker takes each event once; if it is killed before it commits,
-- the next worker takes the event. A transaction that stays open elsewhere delays nothing here:
-- order matters to a feed, not to an alarm. MATERIALIZED: a subquery might run again for each row,
-- pass over what it has locked and take more than `most`.
CREATE FUNCTION sec.take_events(most int)
RETURNS TABLE (id uuid, referral_id uuid, from_agency_id uuid, to_agency_id uuid, act text,
               code text, agency_id uuid, member_id uuid, about_id uuid, from_sees boolean,
               to_sees boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT n.id FROM public.referral_event n WHERE NOT n.told
         ORDER BY n.xact, n.id LIMIT most FOR UPDATE SKIP LOCKED)
    UPDATE public.referral_event e SET told = true FROM due WHERE e.id = due.id
    RETURNING e.id, e.referral_id, e.from_agency_id, e.to_agency_id, e.act, e.code,
              e.agency_id, e.member_id, e.about_id, e.from_sees, e.to_sees;
END $$;

CREATE FUNCTION sec.take_self_assignments(most int)
RETURNS TABLE (id uuid, referral_id uuid, agency_id uuid, member_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT n.id FROM public.self_assignment n WHERE NOT n.told
         ORDER BY n.at, n.id LIMIT most FOR UPDATE SKIP LOCKED)
    UPDATE public.self_assignment s SET told = true FROM due WHERE s.id = due.id
    RETURNING s.id, s.referral_id, s.agency_id, s.member_id;
END $$;

-- The members of an agency whom a message about a referral may reach: its live workers and leads,
-- less those whom a block bars (R12). The background work learns who, never why.
CREATE FUNCTION sec.may_be_told(r uuid, agency uuid)
RETURNS TABLE (member_id uuid, person_id uuid, is_lead boolean, duty text, holds boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.person_id, 'lead' = ANY (m.roles), m.duty, coalesce(s.holder_id = m.id, false)
      FROM public.permissions_agency a
      JOIN public.permissions_membership m ON m.agency_id = a.id AND m.active
      JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
      LEFT JOIN public.referral_side s ON s.referral_id = r AND s.agency_id = a.id
     WHERE a.id = agency AND a.active AND m.roles && ARRAY['worker', 'lead']
       AND NOT sec.bars(r, agency, m.person_id, 'lead' = ANY (m.roles), NULL)
     ORDER BY m.id;
END $$;

-- The same question for one member in any role, asked again just before they are called.
CREATE FUNCTION sec.may_reach(r uuid, member uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.permissions_membership m
          JOIN public.permissions_agency a ON a.id = m.agency_id AND a.active
          JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
         WHERE m.id = member AND m.active
           AND NOT sec.bars(r, m.agency_id, m.person_id, 'lead' = ANY (m.roles), NULL)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Whether the agency's shared mailbox may receive news of it: the agency is active, and no reader
-- of the mailbox is barred.
CREATE FUNCTION sec.mailbox_open(r uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a WHERE a.id = agency AND a.active) THEN
        RETURN NOT sec.mailbox_barred(r, agency);
    END IF;
    RETURN false;
END $$;

-- The named outside reviewer of an agency of one, unless they serve a side or are barred (R2, R12).
CREATE FUNCTION sec.outside_reviewer(r uuid, agency uuid)
RETURNS TABLE (member_id uuid, agency_id uuid, person_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.agency_id, m.person_id
      FROM public.permissions_agency a
      JOIN public.permissions_membership m ON m.id = a.outside_reviewer_id AND m.active
      JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
     WHERE a.id = agency AND NOT sec.serves_a_side(r, m.person_id)
       AND NOT sec.bars(r, m.agency_id, m.person_id, 'lead' = ANY (m.roles), NULL);
END $$;

-- Requests of the last two days by those whom a block barred: whose block it is, and one row a
-- person and day. Read from refusals in the log, as in sec.barred_attempts. The alert does not say
-- who it was.
CREATE FUNCTION sec.barred_alerts()
RETURNS TABLE (cause text, referral_id uuid, agency_id uuid, set_by uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT concat_ws(' ', b.referral_id, b.agency_id,
                              coalesce(m.person_id, e.client_id, e.agency_id),
                              (e.at AT TIME ZONE 'UTC')::date),
           b.referral_id, b.agency_id, first_value(b.set_by) OVER (
               PARTITION BY b.referral_id, b.agency_id ORDER BY b.set_at, b.id)
      FROM public.conflict_block b
      JOIN public.access_entry e ON e.referral_id = b.referral_id AND e.at >= b.set_at
      LEFT JOIN public.permissions_membership m ON m.id = e.member_id
     WHERE e.at > sec.clock() - interval '2 days' AND e.decision = 'refused'
       AND e.rule IN ('not_found', 'policy')
       AND (b.lifted_at IS NULL OR e.at < b.lifted_at)
       AND sec.keeps_out(b, e.agency_id, m.person_id, 'lead' = ANY (m.roles));
END $$;

REVOKE ALL ON FUNCTION sec.ask_test(uuid, uuid), sec.take_events(int),
    sec.take_self_assignments(int), sec.may_be_told(uuid, uuid), sec.may_reach(uuid, uuid),
    sec.mailbox_open(uuid, uuid), sec.outside_reviewer(uuid, uuid), sec.barred_alerts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.ask_test(uuid, uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.take_events(int), sec.take_self_assignments(int),
    sec.may_be_told(uuid, uuid), sec.may_reach(uuid, uuid), sec.mailbox_open(uuid, uuid),
    sec.outside_reviewer(uuid, uuid), sec.barred_alerts() TO jobs;
