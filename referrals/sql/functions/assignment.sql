-- as: gate
-- Inside an agency, assignment gives access, not membership (R7). `app` writes no assignment and
-- names no holder: these functions do, and check again who may (the first wall:
-- permissions/policy/rules.py).

-- The caller's relation to a referral and to their own side; NULLs if they may not write.
-- `waiting`: sent to their agency and not accepted yet. `fresh`: a draft without a holder.
CREATE FUNCTION sec.standing(
    r uuid, OUT agency uuid, OUT member uuid, OUT is_lead boolean, OUT holder uuid,
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
      INTO agency, member, is_lead, holder, open, waiting, fresh
      FROM public.referral f
      LEFT JOIN public.referral_side s ON s.referral_id = f.id AND s.agency_id = me.agency_id
     WHERE f.id = r
       AND sec.sees(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                    CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                    sec.writer());
END $$;

CREATE FUNCTION sec.add_assignee(row_id uuid, r uuid, agency uuid, who uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    IF EXISTS (SELECT FROM public.referral_assignment s
                WHERE s.content_object_id = r AND s.membership_id = who
                  AND s.agency_id = agency) THEN
        RETURN;
    END IF;
    INSERT INTO public.referral_assignment
           (id, content_object_id, membership_id, agency_id, user_id, permission_id)
    SELECT row_id, r, m.id, m.agency_id, m.person_id, p.id
      FROM public.permissions_membership m
      JOIN public.permissions_person h ON h.id = m.person_id AND h.is_active
      JOIN public.auth_permission p ON p.codename = 'work_on_referral'
      JOIN public.django_content_type t ON t.id = p.content_type_id AND t.app_label = 'referrals'
     WHERE m.id = who AND m.agency_id = agency AND m.active
       AND m.roles && ARRAY['worker', 'lead'];
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such member' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION sec.name_holder(r uuid, agency uuid, who uuid, before uuid, keep boolean)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    UPDATE public.referral_side s SET holder_id = who, version = version + 1
     WHERE s.referral_id = r AND s.agency_id = agency;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such side' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF before <> who AND NOT keep THEN
        DELETE FROM public.referral_assignment s
         WHERE s.content_object_id = r AND s.agency_id = agency AND s.membership_id = before;
    END IF;
END $$;

-- Assign the caller and make them the holder: a member who creates a draft, or who answers while it
-- waits; later a lead only, who gives a reason.
CREATE FUNCTION sec.take(row_id uuid, r uuid, why text, keep boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.standing(r);
BEGIN
    IF NOT coalesce(me.open AND (me.fresh OR me.waiting OR (me.is_lead AND why IS NOT NULL)), false)
    THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.name_holder(r, me.agency, me.member, me.holder, keep);
    PERFORM sec.add_assignee(row_id, r, me.agency, me.member);
    IF NOT me.fresh AND NOT me.waiting THEN
        INSERT INTO public.self_assignment (id, referral_id, agency_id, member_id, reason, at)
        VALUES (row_id, r, me.agency, me.member, why, sec.clock());
    END IF;
END $$;

-- The holder or a lead assigns a colleague; a lead may assign themselves with a reason. This also
-- works after the end: to account to the survivor and to read what is kept, a member must be
-- assigned (R7), until the side's purge.
CREATE FUNCTION sec.put_on(row_id uuid, r uuid, who uuid, why text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.standing(r);
BEGIN
    IF NOT coalesce(me.is_lead OR me.holder = me.member, false)
       OR (who = me.member AND NOT (me.is_lead AND why IS NOT NULL)) THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.add_assignee(row_id, r, me.agency, who);
    IF who = me.member THEN
        INSERT INTO public.self_assignment (id, referral_id, agency_id, member_id, reason, at)
        VALUES (row_id, r, me.agency, me.member, why, sec.clock());
    END IF;
END $$;

-- The holder or a lead makes a colleague the holder.
CREATE FUNCTION sec.hand_over(row_id uuid, r uuid, who uuid, keep boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.standing(r);
BEGIN
    IF NOT coalesce(me.open AND (me.is_lead OR me.holder = me.member) AND who <> me.member, false)
    THEN
        RAISE EXCEPTION 'no such assignment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.name_holder(r, me.agency, who, me.holder, keep);
    PERFORM sec.add_assignee(row_id, r, me.agency, who);
END $$;

-- Whether this person serves one of the referral's agencies, in any of their memberships.
CREATE FUNCTION sec.serves_a_side(r uuid, person uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.referral f
                     JOIN public.permissions_membership o
                       ON o.agency_id IN (f.from_agency_id, f.to_agency_id)
                    WHERE f.id = r AND o.person_id = person AND o.active);
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
       AND NOT sec.serves_a_side(f.id, me.person_id)
       AND NOT sec.bars(f.id, me.agency_id, me.person_id, 'lead' = ANY (me.roles), NULL)
     ORDER BY s.at DESC, s.id DESC LIMIT 100;
END $$;

REVOKE ALL ON FUNCTION sec.standing(uuid), sec.add_assignee(uuid, uuid, uuid, uuid),
    sec.name_holder(uuid, uuid, uuid, uuid, boolean), sec.take(uuid, uuid, text, boolean),
    sec.put_on(uuid, uuid, uuid, text), sec.hand_over(uuid, uuid, uuid, boolean),
    sec.serves_a_side(uuid, uuid), sec.self_assignments_to_review() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.take(uuid, uuid, text, boolean), sec.put_on(uuid, uuid, uuid, text),
    sec.hand_over(uuid, uuid, uuid, boolean), sec.self_assignments_to_review() TO app;
