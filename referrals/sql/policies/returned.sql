-- What goes back to the sender (R2), sealed for the sender.

ALTER TABLE returned ENABLE ROW LEVEL SECURITY;
ALTER TABLE returned FORCE ROW LEVEL SECURITY;

GRANT SELECT ON returned TO app;
GRANT SELECT (id, kek_version, key_bundle, agency_id, referral_id), UPDATE (kek_version,
      key_bundle), DELETE ON returned TO jobs;
GRANT SELECT, INSERT, UPDATE ON returned TO gate;

-- Those who answer for it on the sender's side, while it is in force. The release itself is the
-- recipient's paper: its end destroys the row, its hour is the row's own.
CREATE POLICY sender_is_shown ON returned FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND sec.answers_for(referral_id)
    AND key_bundle IS NOT NULL AND expires_at > (SELECT sec.clock()));
CREATE POLICY jobs_see ON returned FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON returned FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON returned FOR DELETE TO jobs USING (true);
CREATE POLICY gate_returns ON returned TO gate USING (true) WITH CHECK (true);
