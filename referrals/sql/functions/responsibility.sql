-- as: definer
-- Questions of the policies: what the caller may do, and the caller's relation to a referral.

-- The agency, if the caller may write: a worker or lead, or a client with referrals:write that
-- names one (R15).
CREATE FUNCTION sec.writer_agency_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.member_id IS NOT NULL AND me.roles && ARRAY['worker', 'lead'] THEN
        IF me.client_id IS NULL OR 'referrals:write' = ANY (me.scopes) THEN
            RETURN me.agency_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION sec.is_assigned(referral uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF EXISTS (SELECT FROM public.referral_assignment s
                WHERE s.content_object_id = referral AND s.membership_id = me.member_id
                  AND s.agency_id = me.agency_id) THEN
        RETURN sec.is_not_blocked(referral);
    END IF;
    RETURN false;
END $$;

-- Whether the caller is assigned to it or a lead of a side, and so may see and end a release.
CREATE FUNCTION sec.is_responsible_for(referral uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF 'lead' = ANY (me.roles) THEN
        RETURN sec.is_not_blocked(referral);
    ELSIF sec.is_assigned(referral) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- R14: if the survivor could not say whether they agree, nothing of a packet may be written or
-- opened until a release has been recorded since sending (their own consent, or R6's instead of
-- it). Returns false to a caller who may not see the referral.
CREATE FUNCTION sec.has_agreed(referral uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.referral f
                WHERE f.id = referral
                  AND (f.agreement IS DISTINCT FROM 'cannot_say'
                       OR EXISTS (SELECT FROM public.release l WHERE l.referral_id = referral
                                     AND l.direction = 'outbound'
                                     AND l.created_at >= f.sent_at))) THEN
        RETURN sec.is_not_blocked(referral);
    END IF;
    RETURN false;
END $$;

-- Before sending: whether the agency has a member who can answer. The result is yes or no only,
-- because a staff list is the agency's own. Members whom a block of the caller's side bars do not
-- count (R12); T4 covers blocks of the other side.
CREATE FUNCTION sec.has_staff_to_answer(agency uuid, referral uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    -- else as if there were none
    seen uuid := CASE WHEN sec.is_not_blocked(referral) THEN referral END;
BEGIN
    IF EXISTS (
        SELECT FROM public.permissions_agency a
          JOIN public.permissions_membership m ON m.agency_id = a.id AND m.active
          JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
         WHERE a.id = agency AND a.active AND a.takes_notices
           AND m.roles && ARRAY['worker', 'lead']
           AND NOT sec.is_person_blocked(seen, agency, m.person_id, 'lead' = ANY (m.roles),
           sec.current_agency_id())) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What a caller who opens something must first know of their own side: its row, whether they are
-- assigned, and their agency's live grant. One call reads all of it, because the policies own_side,
-- own_staff and own_grant would resolve the caller five times. It returns what they allow, and
-- nothing without an acting member (R15); the random worlds compare them
-- (tests/support/proofs/rls_probe.py).
CREATE FUNCTION sec.own_side_context(
    referral uuid, OUT subject uuid, OUT holder uuid, OUT state text, OUT assigned boolean,
    OUT fields text[], OUT release uuid, OUT until timestamptz, OUT kek int, OUT bundle bytea,
    OUT notice text, OUT access bytea
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    assigned := false;
    IF me.roles && ARRAY['worker', 'lead']  -- a member's, who acts or is named
       AND (me.client_id IS NULL OR 'referrals:read' = ANY (me.scopes))
       AND sec.is_not_blocked(referral) THEN
        SELECT s.subject, s.holder_id, s.state, a.id IS NOT NULL, g.fields, g.release_id,
               g.expires_at, g.kek_version, g.key_bundle, g.redisclosure_notice, b.sealed
          INTO subject, holder, state, assigned, fields, release, until, kek, bundle, notice,
               access
          FROM (SELECT) one
          LEFT JOIN public.referral_side s ON s.referral_id = referral
              AND s.agency_id = me.agency_id
          LEFT JOIN public.referral_assignment a
                 ON a.content_object_id = referral AND a.agency_id = me.agency_id
                AND a.membership_id = me.member_id
          LEFT JOIN public.packet_grant g
                 ON g.referral_id = referral AND g.agency_id = me.agency_id AND a.id IS NOT NULL
                AND (g.release_id IS NULL
                     OR (g.opened_at IS NOT NULL AND NOT g.closed AND g.expires_at > sec.clock()))
          LEFT JOIN public.bound_access b ON b.referral_id = referral AND a.id IS NOT NULL;
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.writer_agency_id(), sec.is_assigned(uuid), sec.is_responsible_for(uuid),
    sec.has_agreed(uuid), sec.has_staff_to_answer(uuid, uuid),
    sec.own_side_context(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.writer_agency_id(), sec.is_assigned(uuid),
    sec.is_responsible_for(uuid), sec.has_agreed(uuid), sec.has_staff_to_answer(uuid, uuid),
    sec.own_side_context(uuid) TO app;
