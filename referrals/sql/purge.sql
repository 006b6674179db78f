-- Purge (R13) runs as `jobs`: it sees where a referral stands, never what is in it, and deletes.
-- What it decides stands in referrals/purging.py; what it may touch, here.

GRANT SELECT (id, from_agency_id, to_agency_id, status, created_at, sent_at, accepted_at, ended_at,
              expires_at, from_purged, to_purged), UPDATE (from_purged, to_purged), DELETE
    ON referral TO jobs;
GRANT SELECT (id, referral_id, agency_id, state, subject, hold_until, version),
      UPDATE (state, handoff_by, version), DELETE ON referral_side TO jobs;
GRANT SELECT (referral_id, at, act, agency_id, from_sees, to_sees),
      UPDATE (from_sees), INSERT, DELETE ON referral_event TO jobs;
GRANT SELECT (referral_id, agency_id), DELETE ON note TO jobs;
GRANT SELECT (referral_id), DELETE ON packet_field TO jobs;
GRANT SELECT (id, referral_id), DELETE ON release TO jobs;
GRANT SELECT (release_id, agency_id), DELETE ON release_end, release_paper TO jobs;
GRANT SELECT (content_object_id, agency_id), DELETE ON referral_assignment TO jobs;
GRANT SELECT (referral_id, agency_id, created_at), DELETE ON idempotency_key TO jobs;
GRANT SELECT (referral_id, release_id, expires_at, closed), DELETE ON packet_grant TO jobs;
GRANT SELECT (referral_id), DELETE ON private_key TO jobs;
GRANT SELECT (referral_id), DELETE ON returned TO jobs;
GRANT SELECT (referral_id, agency_id), DELETE ON self_assignment TO jobs;
GRANT SELECT (referral_id, agency_id), DELETE ON conflict_block TO jobs;
GRANT SELECT, INSERT, UPDATE ON purged_count TO jobs;
ALTER TABLE purged_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE purged_count FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['referral', 'referral_side', 'referral_event', 'note',
        'packet_field', 'release', 'release_end', 'release_paper', 'referral_assignment',
        'self_assignment', 'conflict_block', 'idempotency_key']
    LOOP
        EXECUTE format('CREATE POLICY jobs_see ON %I FOR SELECT TO jobs USING (true)', part);
        EXECUTE format('CREATE POLICY jobs_purge ON %I FOR DELETE TO jobs USING (true)', part);
    END LOOP;
END $$;
CREATE POLICY jobs_purge ON packet_grant FOR DELETE TO jobs USING (true);
CREATE POLICY jobs_purge ON private_key FOR DELETE TO jobs USING (true);
CREATE POLICY jobs_purge ON returned FOR DELETE TO jobs USING (true);
CREATE POLICY jobs_count ON purged_count TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_hide ON referral FOR UPDATE TO jobs
    USING (true) WITH CHECK (from_purged OR to_purged);
-- By the clock a recipient's side ends as `unable` (act 23); nothing else.
CREATE POLICY jobs_end ON referral_side FOR UPDATE TO jobs
    USING (true) WITH CHECK (state IS NOT DISTINCT FROM 'unable');
CREATE POLICY jobs_hide ON referral_event FOR UPDATE TO jobs
    USING (true) WITH CHECK (NOT from_sees);
-- What the clock did is told to one side alone, and in nobody's name.
CREATE POLICY jobs_tell ON referral_event FOR INSERT TO jobs WITH CHECK (
    agency_id IS NULL AND member_id IS NULL AND from_sees <> to_sees
    AND ((act = 'purge_due') OR (to_sees AND act IN ('idle', 'unable'))
         OR (from_sees AND act = 'closed')));
-- The sender's fixed moment comes once (referrals/closing.py finds those that are due by the time).
CREATE UNIQUE INDEX closed_once ON referral_event (referral_id) WHERE act = 'closed';
CREATE INDEX closed_last ON referral_event (at) WHERE act = 'closed';
CREATE INDEX referral_accepted ON referral (accepted_at) WHERE accepted_at IS NOT NULL;

-- Legal hold: a lead's, for her own side of what was sent, until that is purged; nobody else
-- shortens or lengthens what is kept. No draft's: her "no" erases it (R14).
GRANT UPDATE (hold_until, version) ON referral_side TO gate;
CREATE FUNCTION sec.set_hold(r uuid, until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    UPDATE public.referral_side s SET hold_until = until, version = s.version + 1
      FROM public.referral f
     WHERE s.referral_id = r AND s.agency_id = sec.writer() AND 'lead' = ANY (me.roles)
       AND f.id = r AND f.sent_at IS NOT NULL
       AND sec.sees(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                    CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                    sec.writer());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such side' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- Did anybody of this agency open the packet of this referral? For purge: one that was never opened
-- goes sooner. Never who or when.
CREATE FUNCTION sec.was_opened(r uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.access_entry e
                WHERE e.referral_id = r AND e.agency_id = agency
                  AND e.act = 'referral.open_packet' AND e.decision = 'allowed') THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;
REVOKE ALL ON FUNCTION sec.was_opened(uuid, uuid), sec.set_hold(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.set_hold(uuid, timestamptz) TO app;
GRANT EXECUTE ON FUNCTION sec.was_opened(uuid, uuid) TO jobs;
ALTER FUNCTION sec.was_opened(uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.set_hold(uuid, timestamptz) OWNER TO gate;
