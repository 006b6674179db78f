-- as: definer
-- Agreement (R14): the tally, and the end of a draft when the survivor said no.

-- Count one more survivor who was offered the notice; `no`: and who said no. Nothing else is
-- stored. The id is made once a month, and a counter reveals no time.
CREATE FUNCTION sec.count_agreement_answer(no boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.writer_agency_id();
BEGIN
    IF mine IS NULL THEN
        RAISE EXCEPTION 'nobody counts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.agreement_tally AS t (id, agency_id, month, offered, declined)
    SELECT gen_random_uuid(), a.id, date_trunc('month', sec.clock() AT TIME ZONE a.time_zone)::date,
           1, no::int
      FROM public.permissions_agency a
     WHERE a.id = mine AND a.exercise_id IS NULL  -- practice is not counted
    ON CONFLICT (agency_id, month) DO UPDATE
       SET offered = t.offered + 1, declined = t.declined + excluded.declined;
END $$;

-- The survivor said no (R14): erase the draft that was begun for them at once, keys and rows, in
-- the transaction of the tally. Only a member who works on it may do so. All rows that belong to it
-- are removed by their foreign keys. Its entries in the access log stay; one more records the
-- purge, without a name, as a purge by the clock does.
CREATE FUNCTION sec.erase_draft(entry_id uuid, referral uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.writer_agency_id();
    parts uuid[] := ARRAY(SELECT l.id FROM public.release l WHERE l.referral_id = referral);
    begun timestamptz := (SELECT f.created_at FROM public.referral f WHERE f.id = referral);
BEGIN
    IF NOT EXISTS (SELECT FROM public.referral f
                    WHERE f.id = referral AND f.from_agency_id = mine AND f.sent_at IS NULL
                      AND f.status = 'draft')
       OR NOT sec.is_assigned(referral) THEN
        RAISE EXCEPTION 'no such draft' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.access_entry (id, agency_id, act, referral_id, subject, decision)
    SELECT entry_id, mine, 'referral.purge', referral, s.subject, 'allowed'
      FROM public.referral_side s WHERE s.referral_id = referral AND s.agency_id = mine;
    INSERT INTO public.epoch_due AS e (agency_id, since)
    SELECT mine, sec.clock()
     WHERE EXISTS (SELECT FROM public.packet_grant g WHERE g.referral_id = referral)
        OR EXISTS (SELECT FROM public.private_key k WHERE k.referral_id = referral)
    ON CONFLICT (agency_id) DO UPDATE SET since = excluded.since;
    DELETE FROM public.referral f WHERE f.id = referral;
    -- No one else ever knew of it: what was taken back while it was written is noted for no one.
    DELETE FROM public.closing c
     WHERE c.at >= begun AND (c.unit_id = referral OR c.unit_id = ANY (parts));
END $$;

REVOKE ALL ON FUNCTION sec.count_agreement_answer(boolean), sec.erase_draft(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.count_agreement_answer(boolean), sec.erase_draft(uuid, uuid) TO app;
