-- as: gate
-- Questions of the policies: what the caller may do, and the caller's relation to a referral.

-- The agency, if the caller may write: a worker or lead, or a client with referrals:write that
-- names one (R15).
CREATE FUNCTION sec.writer() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

CREATE FUNCTION sec.assigned(r uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF EXISTS (SELECT FROM public.referral_assignment s
                WHERE s.content_object_id = r AND s.membership_id = me.member_id
                  AND s.agency_id = me.agency_id) THEN
        RETURN sec.not_barred(r);
    END IF;
    RETURN false;
END $$;

-- Whether the caller is assigned to it or a lead of a side, and so may see and end a release.
CREATE FUNCTION sec.answers_for(r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF 'lead' = ANY (me.roles) THEN
        RETURN sec.not_barred(r);
    ELSIF sec.assigned(r) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- R14: if the survivor could not say whether they agree, nothing of a packet may be written or
-- opened until a release has been recorded since sending (their own consent, or R6's instead of
-- it). Returns false to a caller who may not see the referral.
CREATE FUNCTION sec.agreed(r uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.referral f
                WHERE f.id = r
                  AND (f.agreement IS DISTINCT FROM 'cannot_say'
                       OR EXISTS (SELECT FROM public.release l WHERE l.referral_id = r
                                     AND l.direction = 'outbound'
                                     AND l.created_at >= f.sent_at))) THEN
        RETURN sec.not_barred(r);
    END IF;
    RETURN false;
END $$;

-- Before sending: whether the agency has a member who can answer. The result is yes or no only,
-- because a staff list is the agency's own. Members whom a block of the caller's side bars do not
-- count (R12); T4 covers blocks of the other side.
CREATE FUNCTION sec.can_answer(agency uuid, r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    seen uuid := CASE WHEN sec.not_barred(r) THEN r END;  -- else as if there were none
BEGIN
    IF EXISTS (
        SELECT FROM public.permissions_agency a
          JOIN public.permissions_membership m ON m.agency_id = a.id AND m.active
          JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
         WHERE a.id = agency AND a.active AND a.takes_notices
           AND m.roles && ARRAY['worker', 'lead']
           AND NOT sec.bars(seen, agency, m.person_id, 'lead' = ANY (m.roles), sec.caller())) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What a caller who opens something must first know of their own side: its row, whether they are
-- assigned, and their agency's live grant. One call reads all of it, because the policies own_side,
-- own_staff and own_grant would resolve the caller five times. It returns what they allow, and
-- nothing without an acting member (R15); the random worlds compare them
-- (tests/support/rls_probe.py).
CREATE FUNCTION sec.own_part(
    r uuid, OUT subject uuid, OUT holder uuid, OUT state text, OUT assigned boolean,
    OUT fields text[], OUT release uuid, OUT until timestamptz, OUT kek int, OUT bundle bytea,
    OUT notice text
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    assigned := false;
    IF me.roles && ARRAY['worker', 'lead']  -- a member's, who acts or is named
       AND (me.client_id IS NULL OR 'referrals:read' = ANY (me.scopes)) AND sec.not_barred(r) THEN
        SELECT s.subject, s.holder_id, s.state, a.id IS NOT NULL, g.fields, g.release_id,
               g.expires_at, g.kek_version, g.key_bundle, g.redisclosure_notice
          INTO subject, holder, state, assigned, fields, release, until, kek, bundle, notice
          FROM (SELECT) one
          LEFT JOIN public.referral_side s ON s.referral_id = r AND s.agency_id = me.agency_id
          LEFT JOIN public.referral_assignment a
                 ON a.content_object_id = r AND a.agency_id = me.agency_id
                AND a.membership_id = me.member_id
          LEFT JOIN public.packet_grant g
                 ON g.referral_id = r AND g.agency_id = me.agency_id AND a.id IS NOT NULL
                AND (g.release_id IS NULL
                     OR (g.opened_at IS NOT NULL AND NOT g.closed AND g.expires_at > sec.clock()));
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.writer(), sec.assigned(uuid), sec.answers_for(uuid), sec.agreed(uuid),
    sec.can_answer(uuid, uuid), sec.own_part(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.writer(), sec.assigned(uuid), sec.answers_for(uuid), sec.agreed(uuid),
    sec.can_answer(uuid, uuid), sec.own_part(uuid) TO app;
