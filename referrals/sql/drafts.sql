-- She said no (R14): the draft that was begun for her goes at once, keys and rows in the
-- transaction of the tally. What a purge would remove (referrals/purging.py), by the member who
-- works on it.

-- Agencies whose keys opened what is gone, here or by a purge: their epoch ends with the next
-- purge, so that older copies of the database open it no longer either.
CREATE TABLE epoch_due (
    agency_id uuid PRIMARY KEY REFERENCES permissions_agency,
    since timestamptz NOT NULL
);
ALTER TABLE epoch_due ENABLE ROW LEVEL SECURITY;
ALTER TABLE epoch_due FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON epoch_due TO jobs, gate;
GRANT DELETE ON epoch_due TO jobs;
CREATE POLICY jobs_end ON epoch_due TO jobs USING (true);
CREATE POLICY gate_asks ON epoch_due TO gate USING (true) WITH CHECK (true);

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['note', 'packet_grant', 'private_key', 'packet_field', 'release',
        'release_end', 'release_paper', 'self_assignment', 'conflict_block', 'referral_event',
        'referral_side', 'referral_plan', 'webhook_delivery', 'message', 'idempotency_key',
        'referral']
    LOOP
        EXECUTE format('GRANT SELECT, DELETE ON %I TO gate', part);
        IF part IN ('note', 'packet_field', 'release_end', 'release_paper', 'referral_event',
                    'referral_plan', 'webhook_delivery', 'idempotency_key') THEN  -- it has others
            EXECUTE format('CREATE POLICY gate_finds ON %I FOR SELECT TO gate USING (true)', part);
        END IF;
        EXECUTE format('CREATE POLICY gate_erases ON %I FOR DELETE TO gate USING (true)', part);
    END LOOP;
END $$;

-- Every trace of a draft but its entries in the access log, and one more: that it was purged, in
-- nobody's name, as a purge by the clock leaves it.
CREATE FUNCTION sec.erase_draft(entry_id uuid, r uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.writer();
    part text;
BEGIN
    IF NOT EXISTS (SELECT FROM public.referral f
                    WHERE f.id = r AND f.from_agency_id = mine AND f.sent_at IS NULL
                      AND f.status = 'draft')
       OR NOT sec.assigned(r) THEN
        RAISE EXCEPTION 'no such draft' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.access_entry (id, agency_id, act, referral_id, subject, decision)
    SELECT entry_id, mine, 'referral.purge', r, s.subject, 'allowed'
      FROM public.referral_side s WHERE s.referral_id = r AND s.agency_id = mine;
    INSERT INTO public.epoch_due AS e (agency_id, since)
    SELECT mine, sec.clock()
     WHERE EXISTS (SELECT FROM public.packet_grant g WHERE g.referral_id = r)
        OR EXISTS (SELECT FROM public.private_key k WHERE k.referral_id = r)
    ON CONFLICT (agency_id) DO UPDATE SET since = excluded.since;
    DELETE FROM public.release_end x USING public.release l
     WHERE l.id = x.release_id AND l.referral_id = r;
    DELETE FROM public.release_paper x USING public.release l
     WHERE l.id = x.release_id AND l.referral_id = r;
    DELETE FROM public.referral_assignment WHERE content_object_id = r;
    FOREACH part IN ARRAY ARRAY['packet_grant', 'private_key', 'packet_field', 'note', 'release',
        'self_assignment', 'conflict_block', 'referral_plan', 'webhook_delivery', 'message',
        'idempotency_key', 'referral_event', 'referral_side']
    LOOP
        EXECUTE format('DELETE FROM public.%I WHERE referral_id = $1', part) USING r;
    END LOOP;
    DELETE FROM public.referral WHERE id = r;
END $$;
REVOKE ALL ON FUNCTION sec.erase_draft(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.erase_draft(uuid, uuid) TO app;
ALTER FUNCTION sec.erase_draft(uuid, uuid) OWNER TO gate;
