-- Inside an agency access is assignment, not membership (R7). `app` writes no assignment and names
-- no holder: these functions do, and ask who may once more (the first wall: permissions/policy.py).

-- A lead who put herself on a referral says why, in the same transaction; another member is told by
-- this row (T4). The survivor's handle stands in the access log.
CREATE TABLE self_assignment (
    id uuid PRIMARY KEY,
    referral_id uuid NOT NULL REFERENCES referral ON DELETE CASCADE,
    agency_id uuid NOT NULL REFERENCES permissions_agency,
    member_id uuid NOT NULL,
    reason text NOT NULL
        CHECK (reason IN ('holder_away', 'nobody_assigned', 'safety', 'review', 'legal_duty')),
    at timestamptz NOT NULL
);
CREATE INDEX self_assignment_agency ON self_assignment (agency_id, at DESC, id DESC);
CREATE INDEX self_assignment_referral ON self_assignment (referral_id);
ALTER TABLE self_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE self_assignment FORCE ROW LEVEL SECURITY;
GRANT SELECT ON self_assignment TO app, auditor;
GRANT SELECT, INSERT ON self_assignment TO gate;
CREATE POLICY own_side ON self_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.not_barred(referral_id));
CREATE POLICY own_people ON self_assignment FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditing())
           AND (referral_id = ANY ((SELECT sec.barred_from())::uuid[])) IS NOT TRUE);
CREATE POLICY gate_reads ON self_assignment FOR SELECT TO gate USING (true);
CREATE POLICY gate_writes ON self_assignment FOR INSERT TO gate WITH CHECK (true);

GRANT SELECT ON auth_permission, django_content_type TO gate;
GRANT INSERT, DELETE ON referral_assignment TO gate;
GRANT UPDATE (holder_id, version) ON referral_side TO gate;
CREATE POLICY gate_assigns ON referral_assignment FOR INSERT TO gate WITH CHECK (true);
CREATE POLICY gate_ends ON referral_assignment FOR DELETE TO gate USING (true);
CREATE POLICY gate_names_holder ON referral_side FOR UPDATE TO gate
    USING (true) WITH CHECK (true);

-- When it was sent, accepted and ended is written once: else whoever takes these back could take
-- the referral over by a right that ended with them.
CREATE FUNCTION sec.written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'written once' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER written_once BEFORE UPDATE ON referral FOR EACH ROW
    WHEN ((OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)
       OR (OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS DISTINCT FROM OLD.accepted_at)
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL))
    EXECUTE FUNCTION sec.written_once();

-- What the caller is to a referral, and what it is to her side; NULLs when she may write nothing.
-- `waiting`: sent to her agency, and nobody has accepted. `fresh`: a draft that nobody holds yet.
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

-- The caller is assigned and the holder: whoever creates a draft, or answers while it waits; after
-- that a lead alone, who says why.
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

-- The holder or a lead puts a colleague on it; a lead herself, saying why. What has ended, too: to
-- account to her and to read what is kept somebody has to be on it (R7), until her side's purge.
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

-- Whether this person serves one of its agencies, in whichever membership of hers.
CREATE FUNCTION sec.serves_a_side(r uuid, person uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.referral f
                     JOIN public.permissions_membership o
                       ON o.agency_id IN (f.from_agency_id, f.to_agency_id)
                    WHERE f.id = r AND o.person_id = person AND o.active);
END $$;

-- The outside reviewer of an agency of one is told *that* its lead assigned herself, by reference
-- only (design §1); never of a referral of which an agency is a side that she serves (R2).
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

REVOKE ALL ON FUNCTION sec.written_once(), sec.standing(uuid),
    sec.add_assignee(uuid, uuid, uuid, uuid), sec.name_holder(uuid, uuid, uuid, uuid, boolean),
    sec.take(uuid, uuid, text, boolean), sec.put_on(uuid, uuid, uuid, text),
    sec.hand_over(uuid, uuid, uuid, boolean), sec.serves_a_side(uuid, uuid),
    sec.self_assignments_to_review() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.take(uuid, uuid, text, boolean), sec.put_on(uuid, uuid, uuid, text),
    sec.hand_over(uuid, uuid, uuid, boolean), sec.self_assignments_to_review() TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.standing(uuid) OWNER TO gate;
ALTER FUNCTION sec.add_assignee(uuid, uuid, uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.name_holder(uuid, uuid, uuid, uuid, boolean) OWNER TO gate;
ALTER FUNCTION sec.take(uuid, uuid, text, boolean) OWNER TO gate;
ALTER FUNCTION sec.put_on(uuid, uuid, uuid, text) OWNER TO gate;
ALTER FUNCTION sec.hand_over(uuid, uuid, uuid, boolean) OWNER TO gate;
ALTER FUNCTION sec.serves_a_side(uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.self_assignments_to_review() OWNER TO gate;
