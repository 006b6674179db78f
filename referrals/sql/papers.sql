-- Her release after it was given: made narrower by either side, never wider.

GRANT UPDATE (fields, expires_at) ON release TO gate;
CREATE POLICY gate_narrows ON release FOR UPDATE TO gate USING (true) WITH CHECK (true);

-- Fewer fields, or an earlier end, by whoever answers for it on either side; the terms as signed
-- stay in signed_fields and signed_until. The recipient's bundle becomes `bundle`, of the fields
-- that are left; where the caller could open no keys (a lead who is not assigned) and fields are
-- dropped, it is destroyed: until the sender writes again nothing opens. A closed grant stays so.
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

-- By the recipient before its accept, on her word (act 15): what she had released ends, what lay
-- ready for it is destroyed. It may not know yet whether there is any, and nothing here tells it:
-- its own `release_end` it reads from the accept on. The sender is shown it as after the accept,
-- and where there was none, nothing. Locked first: from an accept that came before, it is no more
-- unseen.
GRANT UPDATE (never_open) ON release TO gate;
GRANT UPDATE (release_ended, version) ON referral TO gate;
GRANT INSERT ON release_end TO gate;
CREATE POLICY gate_notes ON release_end FOR INSERT TO gate WITH CHECK (true);
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

-- Agreement (R14): the tally --------------------------------------------------------------------

ALTER TABLE agreement_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE agreement_tally FORCE ROW LEVEL SECURITY;
GRANT SELECT ON agreement_tally TO app;
GRANT SELECT, INSERT, UPDATE ON agreement_tally TO gate;
CREATE POLICY own_tally ON agreement_tally FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()));
CREATE POLICY gate_counts ON agreement_tally TO gate USING (true) WITH CHECK (true);

-- One more was offered the notice; `no`: and said no. Nothing else is stored of it. The id is made
-- once a month, and a counter tells no moment.
CREATE FUNCTION sec.tally(no boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.writer();
BEGIN
    IF mine IS NULL THEN
        RAISE EXCEPTION 'nobody counts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.agreement_tally AS t (id, agency_id, month, offered, declined)
    SELECT gen_random_uuid(), a.id, date_trunc('month', sec.clock() AT TIME ZONE a.time_zone)::date,
           1, no::int
      FROM public.permissions_agency a WHERE a.id = mine
    ON CONFLICT (agency_id, month) DO UPDATE
       SET offered = t.offered + 1, declined = t.declined + excluded.declined;
END $$;

-- What goes back to the sender (R2): by its own release and act, sealed for the sender ------------

ALTER TABLE returned ENABLE ROW LEVEL SECURITY;
ALTER TABLE returned FORCE ROW LEVEL SECURITY;
GRANT SELECT ON returned TO app;
GRANT SELECT, INSERT, UPDATE ON returned TO gate;
GRANT UPDATE (ended) ON release TO gate;
-- Those who answer for it on the sender's side, while it is in force. The release itself is the
-- recipient's paper: its end destroys the row, its hour is the row's own.
CREATE POLICY sender_is_shown ON returned FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND sec.answers_for(referral_id)
    AND key_bundle IS NOT NULL AND expires_at > (SELECT sec.clock()));
-- Rotation, as for every bundle (permissions/sql/keys.sql).
GRANT SELECT (id, agency_id, kek_version, key_bundle), UPDATE (kek_version, key_bundle)
    ON returned TO jobs;
CREATE POLICY jobs_see ON returned FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON returned FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY gate_returns ON returned TO gate USING (true) WITH CHECK (true);

-- By the recipient's assignee, under a return release in force; in place of what went back before.
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

-- By whoever answers for it on either side: the return release is over, what was returned
-- destroyed. Returns whether there ever was one; to whom it goes back, whether there is one that it
-- could read, since of another it knows nothing (R2).
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

REVOKE ALL ON FUNCTION sec.narrow(uuid, text[], timestamptz, int, bytea), sec.tally(boolean),
    sec.end_unseen(uuid, text),
    sec.put_returned(uuid, uuid, int, bytea, bytea), sec.end_return(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.narrow(uuid, text[], timestamptz, int, bytea), sec.tally(boolean),
    sec.end_unseen(uuid, text),
    sec.put_returned(uuid, uuid, int, bytea, bytea), sec.end_return(uuid) TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.tally(boolean) OWNER TO gate;
ALTER FUNCTION sec.narrow(uuid, text[], timestamptz, int, bytea) OWNER TO gate;
ALTER FUNCTION sec.end_unseen(uuid, text) OWNER TO gate;
ALTER FUNCTION sec.put_returned(uuid, uuid, int, bytea, bytea) OWNER TO gate;
ALTER FUNCTION sec.end_return(uuid) OWNER TO gate;
