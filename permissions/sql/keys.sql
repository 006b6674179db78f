-- Keys: rotation and the end of an epoch run as `jobs`, which reads and writes wrapped bundles and
-- their versions, and never what they open.

GRANT SELECT (id, agency_id, kek_version, key_bundle), UPDATE (kek_version, key_bundle)
    ON packet_grant, private_key TO jobs;
CREATE POLICY jobs_see ON packet_grant FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON packet_grant FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON private_key FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON private_key FOR UPDATE TO jobs USING (true) WITH CHECK (true);

-- Does the database hold anything that a key of this agency opens? Then a key store without one has
-- lost it, and none may be made in its place. Three of the tables come with later migrations.
GRANT SELECT ON private_key TO gate;
CREATE POLICY gate_reads ON private_key FOR SELECT TO gate USING (true);
CREATE FUNCTION sec.has_bundles(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.packet_grant g
                WHERE g.agency_id = agency AND g.key_bundle IS NOT NULL)
       OR EXISTS (SELECT FROM public.private_key k WHERE k.agency_id = agency)
       OR EXISTS (SELECT FROM public.returned b
                   WHERE b.agency_id = agency AND b.key_bundle IS NOT NULL)
       OR EXISTS (SELECT FROM public.webhook_secret w WHERE w.agency_id = agency)
       OR EXISTS (SELECT FROM public.directory_confidential_address d
                   WHERE d.agency_id = agency) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What the background work did, in the access log: these acts and no other, in nobody's name.
CREATE FUNCTION sec.log_job(
    entry_id uuid, what text, agency uuid, about uuid, handle uuid, why text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF what IN ('key.rotate', 'key.destroy', 'key.restore',
                'referral.purge', 'referral.unable') THEN
        INSERT INTO public.access_entry (id, agency_id, act, referral_id, subject, decision, rule)
        VALUES (entry_id, agency, what, about, handle, 'allowed', why);
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the background work' USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION sec.has_bundles(uuid), sec.log_job(uuid, text, uuid, uuid, uuid, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.has_bundles(uuid) TO app, editor;
GRANT EXECUTE ON FUNCTION sec.log_job(uuid, text, uuid, uuid, uuid, text) TO jobs;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.has_bundles(uuid) OWNER TO gate;
ALTER FUNCTION sec.log_job(uuid, text, uuid, uuid, uuid, text) OWNER TO gate;
