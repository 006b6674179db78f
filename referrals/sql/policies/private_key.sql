-- The table belongs to `permissions`; its policies are here because they ask about the referral.

ALTER TABLE private_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE private_key FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON private_key TO app;
GRANT SELECT (id, referral_id, kek_version, key_bundle, agency_id), UPDATE (kek_version,
      key_bundle), DELETE ON private_key TO jobs;
GRANT SELECT ON private_key TO definer;

CREATE POLICY own_private_key ON private_key FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_assigned(referral_id));
CREATE POLICY own_private_key_begins ON private_key FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id()) AND sec.is_assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));
CREATE POLICY jobs_see ON private_key FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON private_key FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON private_key FOR DELETE TO jobs USING (true);
CREATE POLICY definer_reads ON private_key FOR SELECT TO definer USING (true);
