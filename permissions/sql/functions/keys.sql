-- as: definer

-- Whether the database holds anything that a key of this agency opens. If so, a key store without
-- the key has lost it, and no new key may replace it.
CREATE FUNCTION sec.has_bundles(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.packet_grant g
                WHERE g.agency_id = agency AND g.key_bundle IS NOT NULL)
       OR EXISTS (SELECT FROM public.private_key k WHERE k.agency_id = agency)
       OR EXISTS (SELECT FROM public.returned b
                   WHERE b.agency_id = agency AND b.key_bundle IS NOT NULL)
       OR EXISTS (SELECT FROM public.record_number n WHERE n.agency_id = agency)
       OR EXISTS (SELECT FROM public.webhook_secret w WHERE w.agency_id = agency)
       OR EXISTS (SELECT FROM public.directory_confidential_address d
                   WHERE d.agency_id = agency)
       OR EXISTS (SELECT FROM public.directory_earlier_text t WHERE t.agency_id = agency) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION sec.has_bundles(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.has_bundles(uuid) TO app, editor;
