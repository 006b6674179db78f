-- as: definer
-- Inside an agency, assignment gives access, not membership (R7). `app` writes no assignment and
-- names no holder: these functions do, and check again who may (the first wall:
-- permissions/policy/rules.py).

-- The caller's relation to a referral and to their own side; NULLs if they may not write.
-- `waiting`: sent to their agency and not accepted yet. `fresh`: a draft that is being created; one
-- that has lost its holder has events.
CREATE FUNCTION sec.caller_relation(
    referral uuid, OUT agency uuid, OUT member uuid, OUT is_lead boolean, OUT holder uuid,
    OUT open boolean, OUT waiting boolean, OUT fresh boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    SELECT me.agency_id, me.member_id, 'lead' = ANY (me.roles), s.holder_id,
           f.ended_at IS NULL AND (f.accepted_at IS NOT NULL OR f.expires_at IS NULL
                                   OR f.expires_at > sec.clock())
               AND coalesce(s.state IN ('accepted', 'in_handoff'), true),
           f.to_agency_id = me.agency_id AND f.accepted_at IS NULL,
           f.from_agency_id = me.agency_id AND f.sent_at IS NULL AND s.holder_id IS NULL
               AND NOT EXISTS (SELECT FROM public.referral_event e WHERE e.referral_id = f.id)
      INTO agency, member, is_lead, holder, open, waiting, fresh
      FROM public.referral f
      LEFT JOIN public.referral_side s ON s.referral_id = f.id AND s.agency_id = me.agency_id
     WHERE f.id = referral
       AND sec.may_see_referral(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                          CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                          sec.writer_agency_id());
END $$;

CREATE FUNCTION sec.insert_assignment(row_id uuid, referral uuid, agency uuid, member uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    -- An end of this membership waits for this assignment, and takes it along, or this statement
    -- waits for the end, and the next one finds no member.
    PERFORM FROM public.permissions_membership m WHERE m.id = member FOR SHARE;
    IF EXISTS (SELECT FROM public.referral_assignment s
                WHERE s.content_object_id = referral AND s.membership_id = member
                  AND s.agency_id = agency) THEN
        RETURN;
    END IF;
    INSERT INTO public.referral_assignment
           (id, content_object_id, membership_id, agency_id, user_id, permission_id)
    SELECT row_id, referral, m.id, m.agency_id, m.person_id, p.id
      FROM public.permissions_membership m
      JOIN public.permissions_agency a ON a.id = m.agency_id AND a.active
      JOIN public.auth_permission p ON p.codename = 'work_on_referral'
      JOIN public.django_content_type t ON t.id = p.content_type_id AND t.app_label = 'referrals'
     WHERE m.id = member AND m.agency_id = agency AND m.live
       AND m.roles && ARRAY['worker', 'lead'];
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such member' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION sec.set_holder(referral uuid, agency uuid, member uuid, before uuid, keep boolean)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    UPDATE public.referral_side s
       SET holder_id = member, asked_at = NULL, version = version + 1
     WHERE s.referral_id = referral AND s.agency_id = agency;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such side' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF before <> member AND NOT keep THEN
        DELETE FROM public.referral_assignment s
         WHERE s.content_object_id = referral AND s.agency_id = agency AND s.membership_id = before;
    END IF;
END $$;

-- The holder (NULL: there is none), then all who are assigned on this agency's side.
CREATE FUNCTION sec.assigned_member_ids(referral uuid, agency uuid, holder uuid) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT holder || ARRAY(SELECT s.membership_id FROM public.referral_assignment s
                            WHERE s.content_object_id = referral AND s.agency_id = agency
                            ORDER BY s.id);
$$;

-- Assign the caller and make them the holder: a member who creates a draft, or who answers while it
-- waits; later a lead, or any worker while no one holds it, who gives a reason.
CREATE FUNCTION sec.claim_referral(row_id uuid, referral uuid, reason text, keep boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
    before uuid[];
BEGIN
    IF NOT coalesce(me.open AND (me.fresh OR me.waiting
                                 OR ((me.is_lead OR me.holder IS NULL) AND reason IS NOT NULL)),
                    false)
    THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    before := sec.assigned_member_ids(referral, me.agency, me.holder);
    PERFORM sec.insert_assignment(row_id, referral, me.agency, me.member);
    PERFORM sec.set_holder(referral, me.agency, me.member, me.holder, keep);
    IF me.waiting THEN  -- each time, so also at the accept, which may be taken back
        UPDATE public.referral_side s SET before_accept = before
         WHERE s.referral_id = referral AND s.agency_id = me.agency;
    END IF;
    IF NOT me.fresh AND NOT me.waiting THEN
        INSERT INTO public.self_assignment (id, referral_id, agency_id, member_id, reason, at)
        VALUES (row_id, referral, me.agency, me.member, reason, sec.clock());
    END IF;
END $$;

-- The holder or a lead assigns a colleague; a lead may assign themselves with a reason. This also
-- works after the end: to account to the survivor and to read what is kept, a member must be
-- assigned (R7), until the side's purge.
CREATE FUNCTION sec.assign_member(row_id uuid, referral uuid, member uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
BEGIN
    IF NOT coalesce(me.is_lead OR me.holder = me.member, false)
       OR (member = me.member AND NOT (me.is_lead AND reason IS NOT NULL)) THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.insert_assignment(row_id, referral, me.agency, member);
    IF member = me.member THEN
        INSERT INTO public.self_assignment (id, referral_id, agency_id, member_id, reason, at)
        VALUES (row_id, referral, me.agency, me.member, reason, sec.clock());
    END IF;
END $$;

-- The holder or a lead makes a colleague the holder.
CREATE FUNCTION sec.transfer_referral(row_id uuid, referral uuid, member uuid,
    keep boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
BEGIN
    IF NOT coalesce(me.open AND (me.is_lead OR me.holder = me.member) AND member <> me.member,
        false)
    THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.insert_assignment(row_id, referral, me.agency, member);
    PERFORM sec.set_holder(referral, me.agency, member, me.holder, keep);
END $$;

-- The assignments of a member who left, of all members of an agency that left, or of a member who
-- is neither worker nor lead any more, end for good: a return revives none. The referral goes on.
-- If the member held it, no one does, and it is put before those who may take it over.
CREATE FUNCTION sec.end_assignments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_RELID = 'public.permissions_agency'::regclass THEN
        -- wait for assignments that are being written (sec.insert_assignment)
        PERFORM FROM public.permissions_membership m WHERE m.agency_id = NEW.id FOR UPDATE;
    END IF;
    WITH ended AS (
        DELETE FROM public.referral_assignment s
         WHERE CASE WHEN TG_RELID = 'public.permissions_agency'::regclass
                    THEN s.agency_id = NEW.id ELSE s.membership_id = NEW.id END
        RETURNING s.content_object_id, s.agency_id, s.membership_id)
    UPDATE public.referral_side s SET holder_id = NULL, version = s.version + 1
      FROM ended e
     WHERE s.referral_id = e.content_object_id AND s.agency_id = e.agency_id
       AND s.holder_id = e.membership_id;
    RETURN NULL;
END $$;

-- Whether no one holds this agency's side of a referral that goes on: its holder left, or was
-- barred. A referral that no one there has looked at yet is not held yet, and has its own
-- deadlines. An agency that is barred as a whole is not asked.
CREATE FUNCTION sec.is_unheld(referral uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.referral_side s
          JOIN public.referral f ON f.id = s.referral_id
         WHERE s.referral_id = referral AND s.agency_id = agency AND s.holder_id IS NULL
           AND NOT EXISTS (SELECT FROM public.conflict_block b
                            WHERE f.has_block AND b.referral_id = f.id AND b.lifted_at IS NULL
                              AND b.kind = 'agency' AND b.bars_agency_id = agency)
           AND CASE WHEN f.from_agency_id = agency THEN NOT f.from_purged AND CASE f.status
                        WHEN 'draft' THEN true
                        WHEN 'accepted' THEN f.accepted_at > sec.clock() - interval '7 days'
                        ELSE f.status IN ('sent', 'acknowledged') AND f.expires_at > sec.clock() END
                    ELSE NOT f.to_purged AND CASE f.status
                        WHEN 'acknowledged' THEN f.expires_at > sec.clock()
                        ELSE f.status = 'accepted' AND s.state IN ('accepted', 'in_handoff') END
               END);
END $$;

-- The sides that no one holds and whose agency has not been asked yet, or was asked too long ago.
-- They are asked again until someone takes it over. Those that can go on are found by the indexes
-- of what does: a member who left held more that is over.
CREATE FUNCTION sec.claim_unheld(most int)
RETURNS TABLE (side_id uuid, referral_id uuid, agency_id uuid, asked_at timestamptz, urgency text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT s.id, f.urgency FROM public.referral_side s
          JOIN public.referral f ON f.id = s.referral_id
         WHERE s.id = ANY (ARRAY(
                SELECT w.id FROM public.referral_side w
                 WHERE w.holder_id IS NULL AND w.state IN ('accepted', 'in_handoff')
                UNION ALL
                SELECT w.id FROM public.referral o JOIN public.referral_side w
                    ON w.referral_id = o.id AND w.holder_id IS NULL
                 WHERE o.status IN ('draft', 'sent', 'acknowledged')
                UNION ALL
                SELECT w.id FROM public.referral o JOIN public.referral_side w
                    ON w.referral_id = o.id AND w.holder_id IS NULL
                 WHERE o.accepted_at > sec.clock() - interval '7 days'))
           AND s.holder_id IS NULL AND sec.is_unheld(s.referral_id, s.agency_id)
           AND (s.asked_at IS NULL OR s.asked_at <= sec.clock() - CASE f.urgency
                WHEN 'emergency' THEN interval '30 minutes' WHEN 'urgent' THEN interval '4 hours'
                ELSE interval '1 day' END)
         ORDER BY s.id LIMIT most FOR UPDATE OF s SKIP LOCKED)
    UPDATE public.referral_side s SET asked_at = sec.clock() FROM due WHERE s.id = due.id
    RETURNING s.id, s.referral_id, s.agency_id, s.asked_at, due.urgency;
END $$;

-- Whether this person serves one of the referral's agencies, in any of their memberships.
CREATE FUNCTION sec.is_member_of_a_side(referral uuid, person uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.referral f
                     JOIN public.permissions_membership o
                       ON o.agency_id IN (f.from_agency_id, f.to_agency_id)
                    WHERE f.id = referral AND o.person_id = person AND o.active);
END $$;

-- Shows the outside reviewer of an agency of one *that* its lead assigned themselves, by reference
-- only (R7); never for a referral with a side that the reviewer serves (R2).
CREATE FUNCTION sec.self_assignments_to_review()
RETURNS TABLE (id uuid, agency_id uuid, reference text, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    SELECT s.id, s.agency_id, f.reference, s.at
      FROM public.self_assignment s
      JOIN public.permissions_agency a ON a.id = s.agency_id
      JOIN public.referral f ON f.id = s.referral_id
     WHERE me.client_id IS NULL AND a.outside_reviewer_id = me.member_id
       AND NOT sec.is_member_of_a_side(f.id, me.person_id)
       AND NOT sec.is_person_blocked(f.id, me.agency_id, me.person_id, 'lead' = ANY (me.roles),
       NULL)
     ORDER BY s.at DESC, s.id DESC LIMIT 100;
END $$;

REVOKE ALL ON FUNCTION sec.assigned_member_ids(uuid, uuid, uuid), sec.caller_relation(uuid),
    sec.insert_assignment(uuid, uuid, uuid, uuid),
    sec.set_holder(uuid, uuid, uuid, uuid, boolean), sec.claim_referral(uuid, uuid, text, boolean),
    sec.assign_member(uuid, uuid, uuid, text), sec.transfer_referral(uuid, uuid, uuid, boolean),
    sec.end_assignments(), sec.is_unheld(uuid, uuid), sec.claim_unheld(int),
    sec.is_member_of_a_side(uuid, uuid),
    sec.self_assignments_to_review() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.claim_referral(uuid, uuid, text, boolean),
    sec.assign_member(uuid, uuid, uuid, text), sec.transfer_referral(uuid, uuid, uuid, boolean),
    sec.self_assignments_to_review() TO app;
GRANT EXECUTE ON FUNCTION sec.is_unheld(uuid, uuid), sec.claim_unheld(int) TO jobs;
-- The tables' owner needs it to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.end_assignments() TO owner;
