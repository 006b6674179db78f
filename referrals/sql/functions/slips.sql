-- as: definer
-- The survivor's own way in: by the code of a slip they end or narrow their permission, and read
-- what the agency that gave the slip disclosed (referrals/slip/). `slip_code` is the keyed hash of
-- the code. Who has it was asked for the survivor's word before: the server alone can judge it.

-- Store a slip of a referral that was sent, in place of the one before it: a new one by an assigned
-- member of the sender's; its end also by a lead there.
CREATE FUNCTION sec.put_slip(
    row_id uuid, referral uuid, slip_code bytea, word text, given timestamptz, ends timestamptz,
    is_over boolean, number int, row_mac bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    agency uuid;
BEGIN
    SELECT f.from_agency_id INTO agency FROM public.referral f
     WHERE f.id = referral AND f.from_agency_id = sec.writer_agency_id()
       AND NOT f.from_purged AND f.sent_at IS NOT NULL;
    IF agency IS NULL OR NOT sec.is_responsible_for(referral)
       OR NOT (is_over OR sec.is_assigned(referral)) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.survivor_slip AS s (id, referral_id, agency_id, code_hash, word_hash,
                                           given_at, ends_at, ended, version, mac)
    VALUES (row_id, referral, agency, slip_code, word, given, ends, is_over, number, row_mac)
    ON CONFLICT (referral_id) DO UPDATE
       SET code_hash = excluded.code_hash, word_hash = excluded.word_hash,
           given_at = excluded.given_at, ends_at = excluded.ends_at, ended = excluded.ended,
           version = excluded.version, mac = excluded.mac;
END $$;

-- The referral's slip, for those who answer for it on the sender's side.
CREATE FUNCTION sec.own_slip(referral uuid) RETURNS SETOF public.survivor_slip
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT s.* FROM public.survivor_slip s
     WHERE s.referral_id = referral AND s.agency_id = sec.caseworker_agency_id()
       AND sec.is_responsible_for(referral);
END $$;

-- The referral of a slip that is in force: not ended, not too old, and the referral neither over,
-- as its sender is shown it, nor purged there. The recipient's own state changes nothing here (R2).
CREATE FUNCTION sec.slip_referral_id(slip_code bytea) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT f.id FROM public.survivor_slip s
              JOIN public.referral f ON f.id = s.referral_id
             WHERE s.code_hash = slip_code AND NOT s.ended AND s.ends_at > sec.clock()
               AND NOT f.from_purged AND f.status IN ('sent', 'acknowledged', 'accepted')
               AND NOT (f.status <> 'accepted' AND f.expires_at <= sec.clock()));
END $$;

-- Lock the referral of a slip, as every act does before it looks; whether there is one.
CREATE FUNCTION sec.lock_by_slip(slip_code bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM public.referral f WHERE f.id = sec.slip_referral_id(slip_code) FOR UPDATE;
    RETURN FOUND;
END $$;

-- The row with this code, whether it is in force, and the two agencies.
CREATE FUNCTION sec.slip_of_code(slip_code bytea)
RETURNS TABLE (id uuid, referral_id uuid, agency_id uuid, code_hash bytea, word_hash text,
               given_at timestamptz, ends_at timestamptz, ended boolean, version int, mac bytea,
               in_force boolean, to_agency_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT s.id, s.referral_id, s.agency_id, s.code_hash, s.word_hash, s.given_at, s.ends_at,
           s.ended, s.version, s.mac, sec.slip_referral_id(slip_code) IS NOT NULL, f.to_agency_id
      FROM public.survivor_slip s JOIN public.referral f ON f.id = s.referral_id
     WHERE s.code_hash = slip_code;
END $$;

-- The entry of a visit: that there was one. It names no agency, member or referral, so that no
-- auditor and no accounting can time the survivor's visits.
CREATE FUNCTION sec.log_slip_visit(entry_id uuid, slip_code bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF sec.slip_referral_id(slip_code) IS NULL THEN
        RAISE EXCEPTION 'no such slip' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.access_entry (id, act, decision) VALUES (entry_id, 'slip.visit', 'allowed');
END $$;

-- What a visit shows, from the rows of the referral; and the server's record of who may open what.
CREATE FUNCTION sec.slip_shown(slip_code bytea)
RETURNS TABLE (sent_at timestamptz, accepted_at timestamptz, release_id uuid, fields text[],
               expires_at timestamptz, release_ended boolean, access bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT f.sent_at, f.accepted_at, l.id, l.fields, l.expires_at, f.release_ended, b.sealed
      FROM public.referral f
      LEFT JOIN LATERAL (
            SELECT r.* FROM public.release r
             WHERE r.referral_id = f.id AND r.direction = 'outbound' AND NOT r.ended
               AND r.expires_at > sec.clock()
               AND (f.agreement IS DISTINCT FROM 'cannot_say' OR r.created_at >= f.sent_at)
             ORDER BY r.created_at DESC LIMIT 1) l ON true
      LEFT JOIN public.bound_access b ON b.referral_id = f.id
     WHERE f.id = sec.slip_referral_id(slip_code);
END $$;

-- Its releases for the recipient, as far as the accounting needs them.
CREATE FUNCTION sec.slip_releases(slip_code bytea)
RETURNS TABLE (id uuid, purpose text, expires_at timestamptz, never_open boolean,
               never_opened_fields text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT l.id, l.purpose, l.expires_at, l.never_open, l.never_opened_fields
      FROM public.release l
     WHERE l.referral_id = sec.slip_referral_id(slip_code) AND l.direction = 'outbound';
END $$;

-- What the log of the agency that gave the slip says of its own disclosures, and of taking them
-- back. Never an entry of the other agency's, and no one's name.
CREATE FUNCTION sec.slip_disclosures(slip_code bytea)
RETURNS TABLE (act text, at timestamptz, purpose text, fields text[], release_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT e.act, e.at, e.purpose, e.fields, e.release_id
      FROM public.access_entry e
      JOIN public.survivor_slip s ON s.code_hash = slip_code AND s.agency_id = e.agency_id
     WHERE e.referral_id = sec.slip_referral_id(slip_code) AND e.decision = 'allowed'
       AND e.act IN ('referral.send', 'referral.put_packet', 'referral.put_release',
                     'referral.narrow_release', 'referral.revoke_release')
     ORDER BY e.at, e.id;
END $$;

-- The recipient's bundle, so that it can be wrapped again with fewer keys.
CREATE FUNCTION sec.slip_bundle(slip_code bytea)
RETURNS TABLE (fields text[], kek_version int, key_bundle bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT g.fields, g.kek_version, g.key_bundle
      FROM public.referral f
      JOIN public.packet_grant g ON g.referral_id = f.id AND g.agency_id = f.to_agency_id
     WHERE f.id = sec.slip_referral_id(slip_code) AND NOT g.closed AND g.key_bundle IS NOT NULL;
END $$;

-- The event and the entry of what the survivor did. They are the recipient's: the sender is shown
-- that the release ended, and neither when nor by whom (T5), so its log does not say it either.
CREATE FUNCTION sec.record_slip_act(
    event uuid, entry uuid, referral uuid, what text, by_release uuid, field_names text[]
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,
                                       reserved, from_sees, to_sees)
    SELECT event, f.id, f.from_agency_id, f.to_agency_id, sec.clock(), what || '_by_survivor',
           false, false, true
      FROM public.referral f WHERE f.id = referral AND NOT f.to_purged;
    INSERT INTO public.access_entry (id, agency_id, act, referral_id, release_id, fields, decision)
    SELECT entry, f.to_agency_id,
           CASE what WHEN 'end' THEN 'slip.end' WHEN 'narrow' THEN 'slip.narrow' END,
           f.id, by_release, field_names, 'allowed'
      FROM public.referral f WHERE f.id = referral;
END $$;

-- End the survivor's permission: every release for the recipient, and its bundle, at once. Returns
-- whether there was one to end; if not, nothing changes and no one learns of it.
CREATE FUNCTION sec.end_by_slip(event uuid, entry uuid, slip_code bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about public.referral;
    newest uuid;
BEGIN
    SELECT f.* INTO about FROM public.referral f
     WHERE f.id = sec.slip_referral_id(slip_code) FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such slip' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.packet_grant g SET closed = true, key_bundle = NULL, kek_version = NULL
     WHERE g.referral_id = about.id AND g.agency_id = about.to_agency_id;
    SELECT l.id INTO newest FROM public.release l
     WHERE l.referral_id = about.id AND l.direction = 'outbound' AND NOT l.ended
     ORDER BY l.created_at DESC LIMIT 1;
    IF newest IS NULL THEN
        RETURN false;
    END IF;
    UPDATE public.release l
       SET ended = true, never_open = l.never_open OR about.accepted_at IS NULL
     WHERE l.referral_id = about.id AND l.direction = 'outbound' AND NOT l.ended;
    UPDATE public.referral f SET release_ended = true, version = f.version + 1
     WHERE f.id = about.id;
    PERFORM sec.record_slip_act(event, entry, about.id, 'end', newest, NULL);
    RETURN true;
END $$;

-- Reduce the release to these fields, at once. The recipient's bundle becomes `bundle`, with the
-- keys that are left; without one it is destroyed.
CREATE FUNCTION sec.narrow_by_slip(
    event uuid, entry uuid, slip_code bytea, by_release uuid, field_names text[], kek int,
    bundle bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about public.referral;
BEGIN
    SELECT f.* INTO about FROM public.referral f
     WHERE f.id = sec.slip_referral_id(slip_code) FOR UPDATE;
    UPDATE public.release l
       SET fields = field_names,
           never_opened_fields = CASE
               WHEN about.accepted_at IS NULL
               THEN coalesce(l.never_opened_fields, '{}')
                    || ARRAY(SELECT unnest(l.fields) EXCEPT SELECT unnest(field_names) ORDER BY 1)
               ELSE l.never_opened_fields END
     WHERE l.id = by_release AND l.referral_id = about.id AND l.direction = 'outbound'
       AND NOT l.ended AND l.fields @> field_names AND cardinality(field_names) > 0
       AND l.fields <> field_names;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such release' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.packet_grant g
       SET fields = ARRAY(SELECT unnest(g.fields) INTERSECT SELECT unnest(field_names) ORDER BY 1),
           closed = bundle IS NULL, kek_version = kek, key_bundle = bundle
     WHERE g.referral_id = about.id AND g.agency_id = about.to_agency_id
       AND g.release_id = by_release AND NOT g.closed AND NOT g.fields <@ field_names;
    UPDATE public.referral f SET version = f.version + 1 WHERE f.id = about.id;
    PERFORM sec.record_slip_act(event, entry, about.id, 'narrow', by_release, field_names);
END $$;

-- Store the record of who may open what, after the survivor took something away.
CREATE FUNCTION sec.store_access_by_slip(slip_code bytea, content bytea, its_version int)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.bound_access b SET sealed = content, version = its_version
     WHERE b.referral_id = sec.slip_referral_id(slip_code);
END $$;

REVOKE ALL ON FUNCTION
    sec.put_slip(uuid, uuid, bytea, text, timestamptz, timestamptz, boolean, int, bytea),
    sec.own_slip(uuid), sec.slip_referral_id(bytea), sec.lock_by_slip(bytea),
    sec.slip_of_code(bytea),
    sec.log_slip_visit(uuid, bytea), sec.slip_shown(bytea), sec.slip_releases(bytea),
    sec.slip_disclosures(bytea), sec.slip_bundle(bytea),
    sec.record_slip_act(uuid, uuid, uuid, text, uuid, text[]), sec.end_by_slip(uuid, uuid, bytea),
    sec.narrow_by_slip(uuid, uuid, bytea, uuid, text[], int, bytea),
    sec.store_access_by_slip(bytea, bytea, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.put_slip(uuid, uuid, bytea, text, timestamptz, timestamptz, boolean, int, bytea),
    sec.own_slip(uuid), sec.lock_by_slip(bytea), sec.slip_of_code(bytea),
    sec.log_slip_visit(uuid, bytea), sec.slip_shown(bytea), sec.slip_releases(bytea),
    sec.slip_disclosures(bytea), sec.slip_bundle(bytea), sec.end_by_slip(uuid, uuid, bytea),
    sec.narrow_by_slip(uuid, uuid, bytea, uuid, text[], int, bytea),
    sec.store_access_by_slip(bytea, bytea, int) TO app;
