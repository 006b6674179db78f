-- as: gate
-- Messages: who may be reached, and what is taken from the outbox.

-- "Does my channel ring?": asked by whoever keeps it, once a minute at most.
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

-- The event row is the outbox: each is taken once, by whichever worker comes first, and by the next
-- one if that is killed before it commits. A transaction that stays open elsewhere holds up nothing
-- here: order matters to a feed, not to an alarm. MATERIALIZED: as a subquery it may be asked again
-- for each row, and passes over what it has locked to take more than `most`.
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

-- Whom of an agency a message about a referral may reach: its live workers and leads, less those
-- whom a block bars (R12). The background work is told who, never why.
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

-- The same of one member, whatever her roles: asked again just before she is rung.
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

-- Whether the agency's shared mailbox may know of it: the agency is live, and nobody who reads
-- there is barred.
CREATE FUNCTION sec.mailbox_open(r uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a WHERE a.id = agency AND a.active) THEN
        RETURN NOT sec.mailbox_barred(r, agency);
    END IF;
    RETURN false;
END $$;

-- The named outside reviewer of an agency of one, unless she is of a side or barred (R2, R12).
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

-- Who was barred and asked, of the last two days: whose block it is, and one row a person and day.
-- Read from the refusals of the log, as sec.barred_attempts is. Who it was is not told.
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
