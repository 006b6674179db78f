-- An agency's own numbers for referrals: `app` reads, finds and writes them through functions only
-- (referrals/sql/functions/record_numbers.sql); `jobs` wraps them again, and purges.

ALTER TABLE record_number ENABLE ROW LEVEL SECURITY;
ALTER TABLE record_number FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (keyed, kek_version, key_bundle) ON record_number TO definer;
GRANT SELECT (id, referral_id, agency_id, kek_version, key_bundle), UPDATE (kek_version,
      key_bundle), DELETE ON record_number TO jobs;

CREATE POLICY definer_keeps ON record_number TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON record_number FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON record_number FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON record_number FOR DELETE TO jobs USING (true);
