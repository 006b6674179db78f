-- as: definer
-- Purge (R13) runs as `jobs`. referrals/deadlines/purge.py decides what is purged.

-- Set a legal hold: a lead, for their own side of a sent referral, until that side is purged. No
-- other caller changes how long it is kept. A draft has no hold: the survivor's "no" erases it
-- (R14).
CREATE FUNCTION sec.set_legal_hold(referral uuid, until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    UPDATE public.referral_side s SET hold_until = until, version = s.version + 1
      FROM public.referral f
     WHERE s.referral_id = referral AND s.agency_id = sec.writer_agency_id()
         AND 'lead' = ANY (me.roles)
       AND f.id = referral AND f.sent_at IS NOT NULL
       AND sec.may_see_referral(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                          CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                          sec.writer_agency_id());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such side' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- Whether a member of this agency opened the packet of this referral: one that was never opened is
-- purged sooner. It does not say who or when.
CREATE FUNCTION sec.was_packet_opened(referral uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.access_entry e
                WHERE e.referral_id = referral AND e.agency_id = agency
                  AND e.act = 'referral.open_packet' AND e.decision = 'allowed') THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION sec.set_legal_hold(uuid, timestamptz),
    sec.was_packet_opened(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.set_legal_hold(uuid, timestamptz) TO app;
GRANT EXECUTE ON FUNCTION sec.was_packet_opened(uuid, uuid) TO jobs;
