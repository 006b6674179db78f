-- An assigned member writes a release. Those who answer for the referral see it.

ALTER TABLE release ENABLE ROW LEVEL SECURITY;
ALTER TABLE release FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (ended) ON release TO app;
GRANT SELECT (id, referral_id), DELETE ON release TO jobs;
GRANT SELECT, UPDATE (fields, expires_at, ended, never_open, never_opened_fields)
      ON release TO definer;

CREATE POLICY sender_reads ON release FOR SELECT TO app USING (
    from_agency_id = (SELECT sec.caseworker_agency_id()) AND sec.is_responsible_for(referral_id));
CREATE POLICY recipient_reads ON release FOR SELECT TO app USING (
    direction = 'outbound' AND to_agency_id = (SELECT sec.caseworker_agency_id())
    AND sec.is_responsible_for(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL));
CREATE POLICY sender_writes ON release FOR INSERT TO app WITH CHECK (
    direction IN ('outbound', 'notice') AND from_agency_id = (SELECT sec.writer_agency_id())
        AND sec.is_assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = release.from_agency_id
                   AND r.to_agency_id = release.to_agency_id));
CREATE POLICY recipient_returns ON release FOR INSERT TO app WITH CHECK (
    direction = 'return' AND from_agency_id = (SELECT sec.writer_agency_id())
        AND sec.is_assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL
                   AND r.to_agency_id = release.from_agency_id
                   AND r.from_agency_id = release.to_agency_id));
CREATE POLICY sides_end ON release FOR UPDATE TO app
    USING (EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                      AND (release.from_agency_id = (SELECT sec.caseworker_agency_id())
                           OR (direction = 'outbound' AND r.accepted_at IS NOT NULL))))
    WITH CHECK (ended AND sec.is_responsible_for(referral_id)
                AND (SELECT sec.writer_agency_id()) IN (from_agency_id, to_agency_id));
CREATE TRIGGER signature_is_there BEFORE INSERT ON release FOR EACH ROW
    EXECUTE FUNCTION sec.refuse_unsigned_release();
CREATE POLICY jobs_see ON release FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON release FOR DELETE TO jobs USING (true);
CREATE POLICY definer_reads ON release FOR SELECT TO definer USING (true);
CREATE POLICY definer_narrows ON release FOR UPDATE TO definer USING (true) WITH CHECK (true);
