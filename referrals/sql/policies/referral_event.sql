-- An event is shown to the sides that it is marked for. The database alone sets its place in the
-- feeds (`xact`): no role may insert it.

ALTER TABLE referral_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_event FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (id, from_agency_id, to_agency_id, at, act, agency_id, member_id, about_id,
      code, reserved, from_sees, to_sees, referral_id) ON referral_event TO app;
GRANT SELECT (id, from_agency_id, to_agency_id, at, act, agency_id, reserved, from_sees, to_sees,
      referral_id, xact), INSERT, UPDATE (from_sees), DELETE ON referral_event TO jobs;
GRANT SELECT, INSERT, UPDATE (told) ON referral_event TO definer;

-- A lifted block stays hidden from those whom it barred (R12): the member whom it names, or the
-- recipient's members other than leads.
CREATE POLICY side_knows ON referral_event FOR SELECT TO app USING (
    ((from_agency_id = (SELECT sec.event_reader_agency_id()) AND from_sees)
     OR (to_agency_id = (SELECT sec.event_reader_agency_id()) AND to_sees
         AND (act NOT IN ('leads_only', 'end_leads_only')
              OR 'lead' = ANY ((SELECT (sec.identity()).roles)::text[]))))
    AND (NOT reserved OR sec.is_responsible_for(referral_id))
    AND (act NOT IN ('block', 'unblock')
         OR about_id IS DISTINCT FROM (SELECT (sec.identity()).member_id))
    AND sec.is_not_blocked(referral_id));
CREATE POLICY side_records ON referral_event FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id()) AND member_id = (SELECT (sec.identity()).member_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = referral_event.from_agency_id
                   AND r.to_agency_id = referral_event.to_agency_id
                   AND NOT (from_sees AND r.from_purged)));
CREATE POLICY jobs_hide ON referral_event FOR UPDATE TO jobs
    USING (true) WITH CHECK (NOT from_sees);
-- These events of the clock are shown to one side only, and name no agency or member.
CREATE POLICY jobs_tell ON referral_event FOR INSERT TO jobs WITH CHECK (
    agency_id IS NULL AND member_id IS NULL AND from_sees <> to_sees
    AND ((act IN ('purge_due', 'reminder')) OR (to_sees AND act IN ('idle', 'unable'))
         OR (from_sees AND act = 'closed')));
CREATE POLICY jobs_ring ON referral_event FOR INSERT TO jobs WITH CHECK (
    agency_id IS NULL AND member_id IS NULL
    AND ((act = 'expire' AND from_sees AND to_sees)
         OR (act = 'escalated' AND code IN ('ack_by', 'accept_by') AND from_sees AND to_sees)
         OR (act = 'escalated' AND code = 'handoff_by' AND to_sees AND NOT from_sees)));
CREATE POLICY jobs_see ON referral_event FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_event FOR DELETE TO jobs USING (true);
CREATE POLICY definer_delivers ON referral_event FOR INSERT TO definer
    WITH CHECK (act = 'delivered' AND to_sees AND NOT from_sees);
-- What the survivor did by their slip: the recipient's alone, and of no member's.
CREATE POLICY definer_tells_recipient ON referral_event FOR INSERT TO definer
    WITH CHECK (act IN ('end_by_survivor', 'narrow_by_survivor') AND to_sees AND NOT from_sees
                AND agency_id IS NULL AND member_id IS NULL);
CREATE POLICY definer_reads ON referral_event FOR SELECT TO definer USING (true);
CREATE POLICY definer_tells ON referral_event FOR UPDATE TO definer USING (true) WITH CHECK (told);

CREATE TRIGGER wake AFTER INSERT ON referral_event
    FOR EACH STATEMENT EXECUTE FUNCTION sec.wake_jobs('tell', 'webhooks');
