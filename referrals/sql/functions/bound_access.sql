-- as: definer
-- The record of who may open what of a referral, sealed by a key that is not in the database
-- (permissions/identity/bound_access.py).

-- The record, for a caller who sees the referral; else NULL.
CREATE FUNCTION sec.bound_access(referral uuid) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF NOT sec.is_not_blocked(referral) THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT b.sealed FROM public.bound_access b WHERE b.referral_id = referral);
END $$;

-- Store the record, at the end of an act. `its_version` is the one in it.
CREATE FUNCTION sec.store_bound_access(referral uuid, content bytea, its_version int)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF sec.writer_agency_id() IS NULL OR NOT sec.is_not_blocked(referral) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.bound_access AS b (referral_id, sealed, version)
    VALUES (referral, content, its_version)
    ON CONFLICT (referral_id) DO UPDATE
       SET sealed = excluded.sealed, version = excluded.version;
END $$;

-- The agency's referrals without a record, of before the upgrade to it, and what their rows allow.
CREATE FUNCTION sec.unbound_referrals(agency uuid) RETURNS TABLE (referral_id text, record text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT f.id::text, jsonb_build_object(
        'from', f.from_agency_id, 'to', f.to_agency_id, 'version', 1,
        'accepted', f.accepted_at IS NOT NULL,
        'assigned', (SELECT coalesce(jsonb_agg(s.membership_id), '[]')
                       FROM public.referral_assignment s WHERE s.content_object_id = f.id),
        'blocks', (SELECT coalesce(jsonb_agg(jsonb_build_array(b.kind, b.agency_id,
                                   b.bars_agency_id, b.bars_member_id, m.person_id)), '[]')
                     FROM public.conflict_block b
                     LEFT JOIN public.permissions_membership m ON m.id = b.bars_member_id
                    WHERE b.referral_id = f.id AND b.lifted_at IS NULL),
        'released', (SELECT jsonb_build_array(l.id, l.fields, l.expires_at)
                       FROM public.release l
                      WHERE l.referral_id = f.id AND l.direction = 'outbound' AND NOT l.ended
                      ORDER BY l.created_at DESC LIMIT 1),
        'returned', (SELECT jsonb_build_array(l.id, l.fields, l.expires_at)
                       FROM public.release l
                      WHERE l.referral_id = f.id AND l.direction = 'return' AND NOT l.ended
                      ORDER BY l.created_at DESC LIMIT 1))::text
      FROM public.referral f
     WHERE agency IN (f.from_agency_id, f.to_agency_id)
       AND NOT EXISTS (SELECT FROM public.bound_access b WHERE b.referral_id = f.id)
     ORDER BY f.id;
END $$;

-- The agency's referrals with their records.
CREATE FUNCTION sec.bound_referrals(agency uuid) RETURNS TABLE (referral_id uuid, sealed bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT b.referral_id, b.sealed FROM public.bound_access b
      JOIN public.referral f ON f.id = b.referral_id
     WHERE agency IN (f.from_agency_id, f.to_agency_id) ORDER BY f.id;
END $$;

REVOKE ALL ON FUNCTION sec.bound_access(uuid), sec.store_bound_access(uuid, bytea, int),
    sec.unbound_referrals(uuid), sec.bound_referrals(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.bound_access(uuid), sec.store_bound_access(uuid, bytea, int) TO app;
GRANT EXECUTE ON FUNCTION sec.unbound_referrals(uuid), sec.bound_referrals(uuid) TO jobs;
