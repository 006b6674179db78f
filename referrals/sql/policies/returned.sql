-- What goes back to the sender (R2), encrypted for the sender.

ALTER TABLE returned ENABLE ROW LEVEL SECURITY;
ALTER TABLE returned FORCE ROW LEVEL SECURITY;

GRANT SELECT ON returned TO app;
GRANT SELECT (id, kek_version, key_bundle, agency_id, referral_id), UPDATE (kek_version,
      key_bundle), DELETE ON returned TO jobs;
GRANT SELECT, INSERT, UPDATE ON returned TO definer;

-- Shown to those who answer for the referral on the sender's side, while it is in force. The sender
-- cannot read the release, which is the recipient's: ending that empties this row, and the row has
-- its own expiry.
CREATE POLICY sender_is_shown ON returned FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_responsible_for(referral_id)
    AND key_bundle IS NOT NULL AND expires_at > (SELECT sec.clock()));
CREATE POLICY jobs_see ON returned FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON returned FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON returned FOR DELETE TO jobs USING (true);
CREATE POLICY definer_returns ON returned TO definer USING (true) WITH CHECK (true);
