-- as: definer
-- Grants: what a recipient may open, and until when.

-- Write the recipient's grant. The sender never sees it but fills it, because granting is wrapping
-- (ADR 0019). After the recipient's own stop or purge nothing is stored, and the sender gets the
-- same answer as always (R2).
CREATE FUNCTION sec.store_grant(
    grant_id uuid, referral uuid, by_release uuid, field_names text[], kek int, bundle bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT f.to_agency_id, f.to_purged, f.accepted_at, l.expires_at, l.redisclosure_notice
      INTO about
      FROM public.referral f
      JOIN public.release l ON l.id = by_release AND l.referral_id = f.id AND NOT l.ended
                           AND l.direction = 'outbound' AND l.fields @> field_names
                           AND l.expires_at > sec.clock()
                           AND (f.agreement IS DISTINCT FROM 'cannot_say'
                                OR l.created_at >= f.sent_at)
     WHERE f.id = referral AND f.from_agency_id = sec.writer_agency_id();
    IF NOT FOUND OR NOT sec.is_assigned(referral) THEN
        RAISE EXCEPTION 'no such grant' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF about.to_purged
       OR EXISTS (SELECT FROM public.referral_side s WHERE s.referral_id = referral
                     AND s.agency_id = about.to_agency_id AND s.state = 'stopped') THEN
        RETURN;
    END IF;
    INSERT INTO public.packet_grant AS g (id, referral_id, agency_id, release_id, fields, opened_at,
                                          expires_at, closed, kek_version, key_bundle,
                                          redisclosure_notice)
    VALUES (grant_id, referral, about.to_agency_id, by_release, field_names,
            CASE WHEN about.accepted_at IS NOT NULL THEN sec.clock() END,
            about.expires_at, false, kek, bundle, about.redisclosure_notice)
    ON CONFLICT (referral_id, agency_id) DO UPDATE
       SET release_id = excluded.release_id, fields = excluded.fields,
           opened_at = excluded.opened_at, expires_at = excluded.expires_at, closed = false,
           kek_version = excluded.kek_version, key_bundle = excluded.key_bundle,
           redisclosure_notice = excluded.redisclosure_notice;
END $$;

-- Open the grant with the recipient's accept, which was written earlier in this transaction.
CREATE FUNCTION sec.activate_grant(referral uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.packet_grant g SET opened_at = sec.clock()
      FROM public.referral f
     WHERE g.referral_id = referral AND f.id = referral AND g.agency_id = f.to_agency_id
       AND f.to_agency_id = sec.writer_agency_id() AND f.status = 'accepted'
       AND sec.is_assigned(referral)
       AND g.opened_at IS NULL AND NOT g.closed;
END $$;

-- Close the grant, for either side: the recipient's bundle is destroyed, the sender's own stays
-- until purge.
CREATE FUNCTION sec.destroy_grant(referral uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.packet_grant g SET closed = true, key_bundle = NULL, kek_version = NULL
      FROM public.referral f
     WHERE g.referral_id = referral AND f.id = referral AND g.agency_id = f.to_agency_id
       AND sec.writer_agency_id() IN (f.from_agency_id, f.to_agency_id)
       AND sec.is_responsible_for(referral);
END $$;

REVOKE ALL ON FUNCTION sec.store_grant(uuid, uuid, uuid, text[], int, bytea),
    sec.activate_grant(uuid), sec.destroy_grant(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.store_grant(uuid, uuid, uuid, text[], int, bytea),
    sec.activate_grant(uuid), sec.destroy_grant(uuid) TO app;
