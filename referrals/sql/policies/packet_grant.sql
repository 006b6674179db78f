-- The table belongs to `permissions`; its policies are here because they ask about the referral.

ALTER TABLE packet_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE packet_grant FORCE ROW LEVEL SECURITY;

-- All columns except `settled`: it is never served, and the background work alone keeps it.
DO $$
BEGIN
    EXECUTE (SELECT format('GRANT SELECT (%1$s), INSERT (%1$s) ON packet_grant TO app',
                           string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = 'public.packet_grant'::regclass AND attnum > 0
                AND NOT attisdropped AND attname <> 'settled');
END $$;
GRANT UPDATE (fields, kek_version, key_bundle) ON packet_grant TO app;
GRANT SELECT (id, referral_id, release_id, expires_at, closed, kek_version, key_bundle, agency_id,
      settled), UPDATE (kek_version, key_bundle, settled), DELETE ON packet_grant TO jobs;
GRANT SELECT, INSERT, UPDATE ON packet_grant TO definer;

-- A recipient's own grant is hidden before the accept and after the grant's end. In between, its
-- bundle is wrapped for that agency's key only.
CREATE POLICY own_grant ON packet_grant FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_assigned(referral_id)
    AND (release_id IS NULL
         OR (opened_at IS NOT NULL AND NOT closed AND expires_at > (SELECT sec.clock()))));
CREATE POLICY sender_keeps ON packet_grant FOR INSERT TO app WITH CHECK (
    release_id IS NULL AND agency_id = (SELECT sec.writer_agency_id())
        AND sec.is_assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = packet_grant.agency_id));
CREATE POLICY sender_rewraps ON packet_grant FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_assigned(referral_id)
           AND (release_id IS NULL
                OR (opened_at IS NOT NULL AND NOT closed AND expires_at > (SELECT sec.clock()))))
    WITH CHECK (release_id IS NULL AND agency_id = (SELECT sec.writer_agency_id()));
CREATE POLICY jobs_see ON packet_grant FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON packet_grant FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON packet_grant FOR DELETE TO jobs USING (true);
CREATE POLICY definer_keeps ON packet_grant TO definer USING (true) WITH CHECK (true);
