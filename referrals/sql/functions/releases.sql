-- as: gate
-- Changes to a release after it was given: either side may narrow or end it, and no one widens it.
-- Also what goes back to the sender (R2), under its own release and act, encrypted for the sender.

-- Reduce the fields or bring the end forward, for those who answer for it on either side. The terms
-- as signed stay in signed_fields and signed_until. The recipient's bundle becomes `bundle`, with
-- the remaining fields. If fields are dropped and the caller could open no keys (a lead who is not
-- assigned), the bundle is destroyed: nothing opens until the sender writes again. A closed grant
-- stays closed.
CREATE FUNCTION sec.narrow(
    by_release uuid, field_names text[], until timestamptz, kek int, bundle bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT l.referral_id, f.to_agency_id INTO about
      FROM public.release l JOIN public.referral f ON f.id = l.referral_id
     WHERE l.id = by_release AND NOT l.ended AND l.direction = 'outbound'
       AND l.fields @> field_names AND cardinality(field_names) > 0 AND until <= l.expires_at
       AND (f.from_agency_id = sec.writer()
            OR (f.to_agency_id = sec.writer() AND f.accepted_at IS NOT NULL));
    IF NOT FOUND OR NOT sec.answers_for(about.referral_id) THEN
        RAISE EXCEPTION 'no such release' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.release SET fields = field_names, expires_at = until WHERE id = by_release;
    UPDATE public.packet_grant g
       SET fields = ARRAY(SELECT unnest(g.fields) INTERSECT SELECT unnest(field_names) ORDER BY 1),
           expires_at = least(g.expires_at, until)
     WHERE g.referral_id = about.referral_id AND g.agency_id = about.to_agency_id
       AND g.release_id = by_release AND g.fields <@ field_names AND NOT g.closed;
    IF FOUND THEN
        RETURN;  -- every key in it is released still
    END IF;
    UPDATE public.packet_grant g
       SET fields = ARRAY(SELECT unnest(g.fields) INTERSECT SELECT unnest(field_names) ORDER BY 1),
           expires_at = least(g.expires_at, until),
           closed = bundle IS NULL, kek_version = kek, key_bundle = bundle
     WHERE g.referral_id = about.referral_id AND g.agency_id = about.to_agency_id
       AND g.release_id = by_release AND NOT g.closed;
END $$;

-- End the releases for the recipient before its accept, on the survivor's word (act 15), and
-- destroy what was prepared for it. The recipient may not know yet whether there is a release, and
-- nothing here shows it: from the accept on it can read its own `release_end`. The sender is shown
-- the same as after an accept, or nothing if there was no release. The row is locked first: after
-- an earlier accept this is refused.
CREATE FUNCTION sec.end_unseen(r uuid, via text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    PERFORM FROM public.referral f
      WHERE f.id = r AND f.to_agency_id = sec.writer() AND f.accepted_at IS NULL
        FOR UPDATE;
    IF NOT FOUND OR NOT sec.answers_for(r) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    WITH over AS (
        UPDATE public.release l SET ended = true, never_open = true
         WHERE l.referral_id = r AND l.direction = 'outbound' AND NOT l.ended
        RETURNING l.id)
    INSERT INTO public.release_end (id, release_id, agency_id, revoked_at, revoked_via, revoked_by)
    SELECT gen_random_uuid(), o.id, me.agency_id, sec.clock(), via, me.member_id FROM over o;
    IF FOUND THEN
        UPDATE public.referral SET release_ended = true, version = version + 1 WHERE id = r;
    END IF;
    PERFORM sec.close_grant(r);
END $$;

-- Store what goes back, for the recipient's assigned member, under a return release in force. It
-- replaces what went back before.
CREATE FUNCTION sec.put_returned(
    row_id uuid, by_release uuid, kek int, bundle bytea, sealed bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT l.referral_id, l.to_agency_id, l.fields, l.expires_at INTO about
      FROM public.release l
     WHERE l.id = by_release AND l.direction = 'return' AND NOT l.ended
       AND l.expires_at > sec.clock() AND l.from_agency_id = sec.writer();
    IF NOT FOUND OR NOT sec.assigned(about.referral_id) THEN
        RAISE EXCEPTION 'no such release' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.returned SET kek_version = NULL, key_bundle = NULL, ciphertext = NULL
     WHERE referral_id = about.referral_id;
    INSERT INTO public.returned (id, referral_id, release_id, agency_id, kek_version, key_bundle,
                                 ciphertext, fields, expires_at)
    VALUES (row_id, about.referral_id, by_release, about.to_agency_id, kek, bundle, sealed,
            about.fields, about.expires_at);
END $$;

-- End the return release and destroy what was returned, for those who answer for it on either side.
-- Returns whether there ever was a return release; to the agency that received it, whether there
-- was one that it could read, since it knows of no other (R2).
CREATE FUNCTION sec.end_return(r uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT (EXISTS (SELECT FROM public.release l
                     WHERE l.referral_id = r AND l.direction = 'return'
                       AND l.from_agency_id = sec.writer())
            OR EXISTS (SELECT FROM public.returned t
                        WHERE t.referral_id = r AND t.agency_id = sec.writer()
                          AND t.key_bundle IS NOT NULL AND t.expires_at > sec.clock()))
       OR NOT sec.answers_for(r) THEN
        RETURN false;
    END IF;
    UPDATE public.release SET ended = true
     WHERE referral_id = r AND direction = 'return';
    UPDATE public.returned SET kek_version = NULL, key_bundle = NULL, ciphertext = NULL
     WHERE referral_id = r;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION sec.narrow(uuid, text[], timestamptz, int, bytea),
    sec.end_unseen(uuid, text), sec.put_returned(uuid, uuid, int, bytea, bytea),
    sec.end_return(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.narrow(uuid, text[], timestamptz, int, bytea),
    sec.end_unseen(uuid, text), sec.put_returned(uuid, uuid, int, bytea, bytea),
    sec.end_return(uuid) TO app;
