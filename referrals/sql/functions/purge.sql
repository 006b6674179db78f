-- as: gate
-- Purge (R13) runs as `jobs`. What it decides is in referrals/deadlines/purge.py.

-- Legal hold: a lead's, for their own side of what was sent, until that is purged; no other caller
-- shortens or lengthens what is kept. Not for a draft: the survivor's "no" erases it (R14).
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

REVOKE ALL ON FUNCTION sec.set_hold(uuid, timestamptz), sec.was_opened(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.set_hold(uuid, timestamptz) TO app;
GRANT EXECUTE ON FUNCTION sec.was_opened(uuid, uuid) TO jobs;
