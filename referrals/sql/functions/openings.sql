-- as: definer
-- What was opened of a packet or of notes, by this transaction (R11) or before it.

-- R11 in the policy: what an access entry of *this transaction*, by this caller, with a purpose of
-- use, has opened, if the caller may open it (docs/rules.md). Returns the referral and the fields,
-- or NULLs.
CREATE FUNCTION sec.current_opening(what text, OUT referral uuid, OUT open_fields text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    current_xact bigint := pg_current_xact_id_if_assigned()::text::bigint;
    now timestamptz := sec.clock();
    entry record;
    own_side boolean;
    granted text[];
BEGIN
    referral := NULL;
    open_fields := NULL;
    IF me.member_id IS NULL OR NOT coalesce(me.roles && ARRAY['worker', 'lead'], false) THEN
        RETURN;
    END IF;
    IF me.client_id IS NOT NULL
       AND NOT ('packets:read' = ANY (me.scopes) AND me.system_of_record) THEN
        RETURN;
    END IF;
    SELECT e.referral_id, e.fields, e.release_id INTO entry
      FROM public.access_entry e
     WHERE e.xact = current_xact
       -- since this transaction began: finds the partition; `xact` is the deciding test
       AND e.at >= transaction_timestamp() + sec.shift() AND e.at <= now
       AND e.act = what AND e.decision = 'allowed'
       AND e.agency_id = me.agency_id AND e.member_id = me.member_id
       AND e.client_id IS NOT DISTINCT FROM me.client_id
       AND e.purpose IN ('intake', 'service', 'safety', 'hand_off', 'review', 'legal_duty')
     ORDER BY e.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT f.from_agency_id = me.agency_id INTO own_side
      FROM public.referral f
     WHERE f.id = entry.referral_id
       AND sec.may_see_referral(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                          CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                          me.agency_id)
       AND EXISTS (SELECT FROM public.referral_assignment s
                    WHERE s.content_object_id = f.id AND s.membership_id = me.member_id
                      AND s.agency_id = me.agency_id)
       AND (what = 'referral.open_notes' OR f.agreement IS DISTINCT FROM 'cannot_say'
            OR sec.has_agreed(f.id));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF what = 'referral.open_notes' OR own_side THEN
        referral := entry.referral_id;
        open_fields := entry.fields;
        RETURN;
    END IF;
    SELECT g.fields INTO granted
      FROM public.packet_grant g
      JOIN public.release l ON l.id = g.release_id AND NOT l.ended AND l.expires_at > now
      LEFT JOIN public.referral_side s
             ON s.referral_id = g.referral_id AND s.agency_id = g.agency_id
     WHERE g.referral_id = entry.referral_id AND g.agency_id = me.agency_id
       -- an entry that names a release opens no other release, such as one recorded since
       AND g.release_id = coalesce(entry.release_id, g.release_id)
       AND g.opened_at IS NOT NULL AND NOT g.closed AND g.key_bundle IS NOT NULL
       AND g.expires_at > now
       AND s.state IS DISTINCT FROM 'stopped';
    IF FOUND THEN
        referral := entry.referral_id;
        open_fields := entry.fields;
        IF NOT granted @> entry.fields THEN
            open_fields := ARRAY(SELECT unnest(entry.fields) INTERSECT SELECT unnest(granted));
        END IF;
    END IF;
END $$;

-- The same as rows, evaluated once a scan: a packet's policy needs referral and field together.
CREATE FUNCTION sec.opened_packet_fields() RETURNS TABLE (referral uuid, field text)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 AS $$
BEGIN
    RETURN QUERY SELECT o.referral, unnest(o.open_fields)
        FROM sec.current_opening('referral.open_packet') o;
END $$;

CREATE FUNCTION sec.opened_notes_referral_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (sec.current_opening('referral.open_notes')).referral;
END $$;

-- Whether the caller has opened this packet in person: only a member who has read both packets may
-- say that two are the same person's. A referral that the caller may not see returns false (R3).
CREATE FUNCTION sec.has_opened_packet(referral uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    seen uuid := sec.visible_referral_id(referral);  -- first: of others it counts no entries
BEGIN
    RETURN EXISTS (SELECT FROM public.access_entry e
                    WHERE e.referral_id = seen AND e.agency_id = me.agency_id
                      AND e.member_id = me.member_id
                      AND e.act = 'referral.open_packet' AND e.decision = 'allowed');
END $$;

-- What the report of a misdirected packet needs (act 18): how many of the recipient's people opened
-- it and when, never who. It answers those at the sender who answer for the referral, once it is
-- marked as an error; in every other case it returns NULLs.
CREATE FUNCTION sec.packet_opening_counts(referral uuid, OUT people int, OUT times timestamptz[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    people := NULL;
    times := NULL;
    IF EXISTS (SELECT FROM public.referral f
                WHERE f.id = referral AND f.status = 'entered_in_error'
                  AND f.from_agency_id = sec.caseworker_agency_id()
                  AND sec.is_responsible_for(referral)) THEN
        SELECT count(DISTINCT e.member_id)::int, coalesce(array_agg(e.at ORDER BY e.at), '{}')
          INTO people, times
          FROM public.referral f
          JOIN public.access_entry e ON e.referral_id = f.id AND e.agency_id = f.to_agency_id
           AND e.act = 'referral.open_packet' AND e.decision = 'allowed'
         WHERE f.id = referral;
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.current_opening(text), sec.opened_packet_fields(),
    sec.opened_notes_referral_id(), sec.has_opened_packet(uuid),
    sec.packet_opening_counts(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.opened_packet_fields(), sec.opened_notes_referral_id(),
    sec.has_opened_packet(uuid), sec.packet_opening_counts(uuid) TO app;
