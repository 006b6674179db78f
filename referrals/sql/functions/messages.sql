-- as: definer
-- Messages: who may be reached, and what is taken from the outbox.

-- Make a code for a channel that is not proven, and queue its message, for the member or
-- administrator who manages it. NULL: queued. Otherwise how long to wait: an owner, a member or an
-- agency, has six codes a day, of them three to one line, and one a minute to one line. Removing a
-- channel gives nothing back. Lines are counted for each owner alone: no caller may learn that
-- another added the same number. The code is made here, and `app` cannot read it.
CREATE FUNCTION sec.queue_channel_code(message_id uuid, channel uuid) RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    line record;
    wait interval;
BEGIN
    SELECT c.id, c.kind, c.agency_id, c.membership_id,
           coalesce(c.membership_id, c.agency_id) AS owner,
           md5(concat_ws(' ', c.agency_id, c.membership_id, lower(c.address)))::uuid AS digest
      INTO line FROM public.channel c
     WHERE c.id = channel AND c.proven_at IS NULL
       AND (c.membership_id = sec.current_member_id()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administrator_agency_id()));
    IF NOT FOUND THEN
        RETURN interval '1 day';
    END IF;
    wait := coalesce(
        sec.use_limit('channel_codes', line.owner, 6, interval '1 day'),
        sec.use_limit('codes_to_a_line', line.digest, 3, interval '1 day'),
        sec.use_limit('code_to_a_line', line.digest, 1, interval '1 minute'));
    IF wait IS NOT NULL THEN
        RETURN wait;
    END IF;
    INSERT INTO public.channel_code (channel_id, code, ends_at)
    VALUES (line.id,
            lpad((('x' || left(gen_random_uuid()::text, 8))::bit(32)::bigint % 1000000)::text, 6,
                 '0'),
            sec.clock() + interval '10 minutes')
    ON CONFLICT (channel_id) DO UPDATE
       SET code = excluded.code, ends_at = excluded.ends_at, tries = 0;
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference)
    VALUES (message_id, message_id, line.agency_id, line.membership_id, line.id, line.kind, 'code',
            'CODE');
    RETURN NULL;
END $$;

-- Queue a test message to a proven channel, for the member or administrator who manages it, at most
-- once a minute. Returns whether it was queued.
CREATE FUNCTION sec.queue_channel_test(message_id uuid, channel uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.message m WHERE m.channel_id = channel AND m.template = 'test'
                  AND m.at > sec.clock() - interval '1 minute') THEN
        RETURN false;
    END IF;
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference)
    SELECT message_id, message_id, c.agency_id, c.membership_id, c.id, c.kind, 'test', 'TEST'
      FROM public.channel c WHERE c.id = channel AND c.proven_at IS NOT NULL
       AND (c.membership_id = sec.current_member_id()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administrator_agency_id()));
    RETURN FOUND;
END $$;

-- Queue a message about a person's own account to their own proven channels, in whichever agency
-- they are a member: one to an address, and a call only where neither mail nor SMS reaches them.
-- Where one waits already, it says as much. Returns how many were queued.
CREATE FUNCTION sec.queue_account_message(person uuid, what text) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    made int;
BEGIN
    WITH own AS MATERIALIZED (
        SELECT DISTINCT ON (c.kind, lower(c.address))
               c.id, c.agency_id, c.membership_id, c.kind
          FROM public.channel c JOIN public.permissions_membership m ON m.id = c.membership_id
         WHERE m.person_id = person AND m.live AND c.use = 'own' AND c.proven_at IS NOT NULL
         ORDER BY c.kind, lower(c.address), c.id)
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference)
    SELECT gen_random_uuid(), gen_random_uuid(), o.agency_id, o.membership_id, o.id, o.kind, what,
           'ACCOUNT'
      FROM own o
     WHERE (o.kind <> 'voice' OR NOT EXISTS (SELECT FROM own p WHERE p.kind <> 'voice'))
       AND NOT EXISTS (SELECT FROM public.message w WHERE w.state = 'waiting' AND w.kind = o.kind
                          AND w.channel_id = o.id AND w.template = what);
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;

-- The newest messages of the caller's own, and for an agency_admin those of the agency's channels:
-- what the policies of message show them. It is read here, past the policies, because these make
-- the planner sort all of a member's messages for each page. Planned with its values each time, so
-- that those of a rare state are found by their index.
CREATE FUNCTION sec.newest_messages(of_state text, page int)
RETURNS TABLE (id uuid, at timestamptz, kind text, template text, channel_id uuid, state text,
               tries int, outcome text, done_at timestamptz, own boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100 SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    me uuid := sec.current_member_id();
    administered uuid := sec.administrator_agency_id();
BEGIN
    RETURN QUERY
    SELECT n.id, n.at, n.kind, n.template, n.channel_id, n.state, n.tries, n.outcome, n.done_at,
           n.member_id IS NOT NULL
      FROM ((SELECT m.* FROM public.message m
              WHERE m.member_id = me AND (of_state IS NULL OR m.state = of_state)
              ORDER BY m.at DESC, m.id DESC LIMIT page)
            UNION ALL
            (SELECT m.* FROM public.message m
              WHERE m.member_id IS NULL AND m.agency_id = administered
                AND (of_state IS NULL OR m.state = of_state)
              ORDER BY m.at DESC, m.id DESC LIMIT page)) n
     ORDER BY n.at DESC, n.id DESC LIMIT page;
END $$;

-- Tell an agency that the operator changed something about it, or tried to, in the transaction of
-- the entry: its leads and administrators, and the member concerned, who may be one no more. The
-- message goes to their own proven channels, as a call only where nothing else reaches them. What
-- happens within a minute is one message; the next one leaves five minutes later. One that waits
-- says as much as a second would.
CREATE FUNCTION sec.queue_operator_message() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT sec.is_operator_act(NEW.act) THEN
        RETURN NULL;
    END IF;
    WITH own AS MATERIALIZED (
        SELECT DISTINCT ON (m.person_id, c.kind, lower(c.address))
               c.id, c.agency_id, c.membership_id, c.kind, m.person_id
          FROM public.channel c JOIN public.permissions_membership m ON m.id = c.membership_id
         WHERE m.agency_id = NEW.agency_id AND c.use = 'own' AND c.proven_at IS NOT NULL
           AND (m.live AND m.roles && ARRAY['lead', 'agency_admin'] OR m.id = NEW.member_id)
         ORDER BY m.person_id, c.kind, lower(c.address), c.id)
    INSERT INTO public.message (id, cause, agency_id, member_id, channel_id, kind, template,
                                reference, due_at)
    SELECT gen_random_uuid(), md5(concat_ws(' ', 'operator', o.id,
                                            date_trunc('minute', sec.clock())))::uuid,
           o.agency_id, o.membership_id, o.id, o.kind, 'operator_act', 'AGENCY',
           greatest(sec.clock() + interval '1 minute', last.at + interval '5 minutes')
      FROM own o LEFT JOIN LATERAL (
            SELECT max(w.done_at) AS at, bool_or(w.state = 'waiting') AS waits
              FROM public.message w
             WHERE w.agency_id = o.agency_id AND w.channel_id = o.id
               AND w.template = 'operator_act' AND w.referral_id IS NULL) last ON true
     WHERE last.waits IS NOT TRUE
       AND (o.kind <> 'voice' OR NOT EXISTS (
            SELECT FROM own p WHERE p.person_id = o.person_id AND p.kind <> 'voice'))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- The event row is the outbox. One worker takes each event once; if it is killed before it commits,
-- the next worker takes the event. A transaction that stays open elsewhere delays nothing here:
-- order matters to a feed, not to an alarm. MATERIALIZED: a subquery might run again for each row,
-- pass over what it has locked and take more than `most`.
CREATE FUNCTION sec.claim_events(most int)
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

CREATE FUNCTION sec.claim_self_assignments(most int)
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
CREATE FUNCTION sec.members_to_notify(referral uuid, agency uuid)
RETURNS TABLE (member_id uuid, person_id uuid, is_lead boolean, duty text, holds boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.person_id, 'lead' = ANY (m.roles), m.duty, coalesce(s.holder_id = m.id, false)
      FROM public.permissions_agency a
      JOIN public.permissions_membership m ON m.agency_id = a.id AND m.active
      JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
      LEFT JOIN public.referral_side s ON s.referral_id = referral AND s.agency_id = a.id
     WHERE a.id = agency AND a.active AND m.roles && ARRAY['worker', 'lead']
       AND sec.is_live_or_takes_part(agency, m.id)
       AND NOT sec.is_person_blocked(referral, agency, m.person_id, 'lead' = ANY (m.roles), NULL)
     ORDER BY m.id;
END $$;

-- The same question for one member in any role, asked again just before they are called.
CREATE FUNCTION sec.may_notify_member(referral uuid, member uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.permissions_membership m
          JOIN public.permissions_agency a ON a.id = m.agency_id AND a.active
          JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
         WHERE m.id = member AND m.active AND sec.is_live_or_takes_part(m.agency_id, m.id)
           AND NOT sec.is_person_blocked(referral, m.agency_id, m.person_id,
           'lead' = ANY (m.roles), NULL)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Whether the agency's shared mailbox may receive news of it: the agency is active, and no reader
-- of the mailbox is barred.
CREATE FUNCTION sec.may_notify_mailbox(referral uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a WHERE a.id = agency AND a.active) THEN
        RETURN NOT sec.is_mailbox_blocked(referral, agency);
    END IF;
    RETURN false;
END $$;

-- The named outside reviewer of an agency of one, unless they serve a side or are barred (R2, R12).
CREATE FUNCTION sec.outside_reviewer(referral uuid, agency uuid)
RETURNS TABLE (member_id uuid, agency_id uuid, person_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.agency_id, m.person_id
      FROM public.permissions_agency a
      JOIN public.permissions_membership m ON m.id = a.outside_reviewer_id AND m.active
      JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
     WHERE a.id = agency AND NOT sec.is_member_of_a_side(referral, m.person_id)
       AND NOT sec.is_person_blocked(referral, m.agency_id, m.person_id, 'lead' = ANY (m.roles),
       NULL);
END $$;

-- Who learns *that* something about a referral is to be reviewed in an agency, and nothing of its
-- content: its leads; if it has none, its administrators; else its outside reviewer. Never the
-- person `but`, and no one whom a block bars (R12).
CREATE FUNCTION sec.overseers(referral uuid, agency uuid, but uuid)
RETURNS TABLE (member_id uuid, agency_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['lead', 'agency_admin'] LOOP
        RETURN QUERY
        SELECT m.id, m.agency_id FROM public.permissions_membership m
          JOIN public.permissions_agency a ON a.id = m.agency_id AND a.active
         WHERE m.agency_id = agency AND m.live AND wanted = ANY (m.roles)
           AND m.person_id IS DISTINCT FROM but
           AND NOT sec.is_person_blocked(referral, agency, m.person_id, 'lead' = ANY (m.roles),
           NULL)
         ORDER BY m.id;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    RETURN QUERY SELECT o.member_id, o.agency_id FROM sec.outside_reviewer(referral, agency) o
                  WHERE o.person_id IS DISTINCT FROM but;
END $$;

-- Requests of the last two days by those whom a block barred: whose block it is, and one row a
-- person and day. Read from refusals in the log, as in sec.blocked_attempts. The alert does not say
-- who it was.
CREATE FUNCTION sec.blocked_attempt_alerts()
RETURNS TABLE (cause text, referral_id uuid, agency_id uuid, set_by uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH tried AS MATERIALIZED (  -- a few, of a month or two; blocks are kept for longer
        SELECT e.at, e.referral_id, e.agency_id, e.member_id, e.client_id
          FROM public.access_entry e
         WHERE e.at > sec.clock() - interval '2 days' AND e.decision = 'refused'
           AND e.rule IN ('not_found', 'policy') AND e.referral_id IS NOT NULL)
    SELECT DISTINCT concat_ws(' ', b.referral_id, b.agency_id,
                              coalesce(m.person_id, e.client_id, e.agency_id),
                              (e.at AT TIME ZONE 'UTC')::date),
           b.referral_id, b.agency_id, first_value(b.set_by) OVER (
               PARTITION BY b.referral_id, b.agency_id ORDER BY b.set_at, b.id)
      FROM tried e
      JOIN public.conflict_block b ON b.referral_id = e.referral_id AND e.at >= b.set_at
      LEFT JOIN public.permissions_membership m ON m.id = e.member_id
     WHERE (b.lifted_at IS NULL OR e.at < b.lifted_at)
       AND sec.does_block_apply(b, e.agency_id, m.person_id, 'lead' = ANY (m.roles));
END $$;

REVOKE ALL ON FUNCTION sec.queue_channel_code(uuid, uuid), sec.queue_channel_test(uuid, uuid),
    sec.queue_account_message(uuid, text), sec.newest_messages(text, int),
    sec.queue_operator_message(), sec.claim_events(int), sec.claim_self_assignments(int),
    sec.members_to_notify(uuid, uuid),
    sec.may_notify_member(uuid, uuid), sec.may_notify_mailbox(uuid, uuid),
    sec.outside_reviewer(uuid, uuid), sec.overseers(uuid, uuid, uuid),
    sec.blocked_attempt_alerts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.queue_channel_code(uuid, uuid), sec.queue_channel_test(uuid, uuid),
    sec.newest_messages(text, int) TO app;
GRANT EXECUTE ON FUNCTION sec.queue_account_message(uuid, text) TO signin;
GRANT EXECUTE ON FUNCTION sec.queue_operator_message() TO owner;
GRANT EXECUTE ON FUNCTION sec.claim_events(int), sec.claim_self_assignments(int),
    sec.members_to_notify(uuid, uuid), sec.may_notify_member(uuid, uuid),
    sec.may_notify_mailbox(uuid, uuid), sec.outside_reviewer(uuid, uuid),
    sec.overseers(uuid, uuid, uuid), sec.blocked_attempt_alerts() TO jobs;
