-- as: definer
-- Changes to a release after it was given: either side may narrow or end it, and no one widens it.
-- Also what goes back to the sender (R2), under its own release and act, encrypted for the sender.

-- Reduce the fields or bring the end forward, for those who answer for it on either side. The terms
-- as signed stay in signed_fields and signed_until. The recipient's bundle becomes `bundle`, with
-- the remaining fields. If fields are dropped and the caller could open no keys (a lead who is not
-- assigned), the bundle is destroyed: nothing opens until the sender writes again. A closed grant
-- stays closed.
CREATE FUNCTION sec.narrow_release(
    by_release uuid, field_names text[], until timestamptz, kek int, bundle bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT l.referral_id, f.to_agency_id INTO about
      FROM public.release l JOIN public.referral f ON f.id = l.referral_id
     WHERE l.id = by_release AND NOT l.ended AND l.direction = 'outbound'
       AND l.fields @> field_names AND cardinality(field_names) > 0 AND until <= l.expires_at
       AND (f.from_agency_id = sec.writer_agency_id()
            OR (f.to_agency_id = sec.writer_agency_id() AND f.accepted_at IS NOT NULL));
    IF NOT FOUND OR NOT sec.is_responsible_for(about.referral_id) THEN
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
CREATE FUNCTION sec.revoke_before_accept(referral uuid, via text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    PERFORM FROM public.referral f
      WHERE f.id = referral AND f.to_agency_id = sec.writer_agency_id() AND f.accepted_at IS NULL
        FOR UPDATE;
    IF NOT FOUND OR NOT sec.is_responsible_for(referral) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    WITH over AS (
        UPDATE public.release l SET ended = true, never_open = true
         WHERE l.referral_id = referral AND l.direction = 'outbound' AND NOT l.ended
        RETURNING l.id)
    INSERT INTO public.release_end (id, release_id, agency_id, revoked_at, revoked_via, revoked_by)
    SELECT gen_random_uuid(), o.id, me.agency_id, sec.clock(), via, me.member_id FROM over o;
    IF FOUND THEN
        UPDATE public.referral f SET release_ended = true,
            version = f.version + 1 WHERE f.id = referral;
    END IF;
    PERFORM sec.destroy_grant(referral);
END $$;

-- The notice of a victim service provider is sent only under the survivor's release of it, for this
-- recipient (34 U.S.C. 12291(b)(2)), whatever the code does; unless its lawyer's opinion counts.
CREATE FUNCTION sec.refuse_unreleased_notice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a
                WHERE a.id = NEW.from_agency_id AND 'victim_services' = ANY (a.duties)
                  AND NOT EXISTS (SELECT FROM public.permissions_noticeopinion o
                                   WHERE o.agency_id = a.id AND o.ended_at IS NULL
                                     AND o.until >= (sec.clock() AT TIME ZONE a.time_zone)::date))
       AND NOT EXISTS (SELECT FROM public.release l
                        WHERE l.referral_id = NEW.id AND l.direction = 'notice' AND NOT l.ended
                          AND l.to_agency_id = NEW.to_agency_id AND l.expires_at > sec.clock())
    THEN
        RAISE EXCEPTION 'no release of the notice' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- A release says "signed" with a paper that its agency keeps, with the sealed signature that Cairn
-- took, or, of a partner system, with the hash of its own artifact; whatever the code does.
CREATE FUNCTION sec.refuse_unsigned_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.form IN ('written', 'oral_witnessed') AND NEW.signature_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.form IN ('screen', 'own_phone') AND NEW.artifact_sha256 <> '' AND (
        (NEW.signature_id IS NULL AND (sec.identity()).client_id IS NOT NULL)
        OR EXISTS (SELECT FROM public.note n
                    WHERE n.id = NEW.signature_id AND n.kind = 'signature'
                      AND n.referral_id = NEW.referral_id AND n.agency_id = NEW.from_agency_id))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'no signature of the release' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Store what goes back, for the recipient's assigned member, under a return release in force. It
-- replaces what went back before.
CREATE FUNCTION sec.store_returned(
    row_id uuid, by_release uuid, kek int, bundle bytea, sealed bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT l.referral_id, l.to_agency_id, l.fields, l.expires_at INTO about
      FROM public.release l
     WHERE l.id = by_release AND l.direction = 'return' AND NOT l.ended
       AND l.expires_at > sec.clock() AND l.from_agency_id = sec.writer_agency_id();
    IF NOT FOUND OR NOT sec.is_assigned(about.referral_id) THEN
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
CREATE FUNCTION sec.end_return_release(referral uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT (EXISTS (SELECT FROM public.release l
                     WHERE l.referral_id = referral AND l.direction = 'return'
                       AND l.from_agency_id = sec.writer_agency_id())
            OR EXISTS (SELECT FROM public.returned t
                        WHERE t.referral_id = referral AND t.agency_id = sec.writer_agency_id()
                          AND t.key_bundle IS NOT NULL AND t.expires_at > sec.clock()))
       OR NOT sec.is_responsible_for(referral) THEN
        RETURN false;
    END IF;
    UPDATE public.release SET ended = true
     WHERE referral_id = referral AND direction = 'return';
    UPDATE public.returned SET kek_version = NULL, key_bundle = NULL, ciphertext = NULL
     WHERE referral_id = referral;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION sec.narrow_release(uuid, text[], timestamptz, int, bytea),
    sec.revoke_before_accept(uuid, text), sec.store_returned(uuid, uuid, int, bytea, bytea),
    sec.end_return_release(uuid), sec.refuse_unreleased_notice(),
    sec.refuse_unsigned_release() FROM PUBLIC;
-- The table's owner needs it to create its trigger; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.refuse_unreleased_notice(), sec.refuse_unsigned_release() TO owner;
GRANT EXECUTE ON FUNCTION sec.narrow_release(uuid, text[], timestamptz, int, bytea),
    sec.revoke_before_accept(uuid, text), sec.store_returned(uuid, uuid, int, bytea, bytea),
    sec.end_return_release(uuid) TO app;
