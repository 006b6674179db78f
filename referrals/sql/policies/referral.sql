-- Who sees and writes which row of a referral: the second wall. The default is to deny; every
-- policy is written positively, so that NULL (no token) refuses. The first wall is
-- referrals/act_registry/transitions.py; both follow the sentence in docs/rules.md.

ALTER TABLE referral ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral FORCE ROW LEVEL SECURITY;

-- All columns except `has_block` and `to_purged`: they are never served, and the database alone
-- sets them.
DO $$
BEGIN
    EXECUTE (SELECT format('GRANT SELECT (%1$s), INSERT (%1$s) ON referral TO app',
                           string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = 'public.referral'::regclass AND attnum > 0
                AND NOT attisdropped AND attname NOT IN ('has_block', 'to_purged'));
END $$;
-- The agencies, the time of creation and the reference never change.
GRANT UPDATE (status, version, sent_at, acknowledged_at, accepted_at, ended_at, ack_by, accept_by,
      expires_at, handoff_within, from_asks_ring_at, to_asks_ring_at, code, suggested_service_id,
      release_ended, urgency, needs, callback, concern, age_band, household_size, language,
      interpreter, interpreter_not_local, access_needs, wanted, with_worker_until,
      survivor_can_talk_now, agreement) ON referral TO app;
GRANT SELECT (id, reference, status, version, created_at, sent_at, accepted_at, ended_at, ack_by,
      accept_by, expires_at, escalated_at, from_purged, urgency, from_agency_id, to_agency_id,
      to_purged), UPDATE (status, version, ended_at, escalated_at, from_purged, to_purged), DELETE
      ON referral TO jobs;
GRANT SELECT, UPDATE (version, release_ended, has_block, status, acknowledged_at, accepted_at,
      accept_by, expires_at), DELETE ON referral TO definer;

-- nullif(…, false) IS NOT NULL means the same as the bare function. The planner assumes that the
-- bare function passes a third of the rows, and that this form passes nearly all; the second is
-- right, because each query has its own filter.
CREATE POLICY sides_see ON referral FOR SELECT TO app USING (nullif(
    sec.may_see_referral(id, CASE WHEN NOT from_purged THEN from_agency_id END,
                         CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
                         (SELECT sec.caseworker_agency_id())), false) IS NOT NULL);
CREATE POLICY sender_creates ON referral FOR INSERT TO app WITH CHECK (
    from_agency_id = (SELECT sec.writer_agency_id()) AND sent_at IS NULL AND status = 'draft');
CREATE POLICY sides_change ON referral FOR UPDATE TO app
    USING (sec.may_see_referral(id, CASE WHEN NOT from_purged THEN from_agency_id END,
                                CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
                                (SELECT sec.caseworker_agency_id())))
    WITH CHECK (sec.may_see_referral(id, CASE WHEN NOT from_purged THEN from_agency_id END,
                                  CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
                                  (SELECT sec.writer_agency_id())));
CREATE POLICY jobs_hide ON referral FOR UPDATE TO jobs
    USING (true) WITH CHECK (from_purged OR to_purged);
CREATE POLICY jobs_expire ON referral FOR UPDATE TO jobs
    USING (status IN ('sent', 'acknowledged')) WITH CHECK (
        status = 'expired' OR (status IN ('sent', 'acknowledged') AND escalated_at IS NOT NULL));
CREATE POLICY jobs_see ON referral FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral FOR DELETE TO jobs USING (true);
CREATE POLICY definer_flags ON referral FOR UPDATE TO definer USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON referral FOR SELECT TO definer USING (true);
CREATE POLICY definer_erases ON referral FOR DELETE TO definer USING (true);

-- Only sec.undo_accept, which runs as `definer`, takes an accept back; and the owner, who brings a
-- restored database up to date (permissions/recovery/applying.py).
CREATE TRIGGER written_once BEFORE UPDATE ON referral FOR EACH ROW
    WHEN ((OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)
       OR (OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS DISTINCT FROM OLD.accepted_at
           AND NOT (current_user IN ('definer', 'owner') AND OLD.status = 'accepted'
                    AND NEW.status = 'acknowledged' AND NEW.accepted_at IS NULL))
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL))
    EXECUTE FUNCTION sec.refuse_rewrite();
CREATE TRIGGER only_waiting_expires BEFORE UPDATE OF status ON referral FOR EACH ROW
    WHEN (NEW.status = 'expired' AND OLD.status NOT IN ('sent', 'acknowledged', 'expired'))
    EXECUTE FUNCTION sec.refuse_late_expiry();
-- A referral cannot be marked as an error after its end or seven days after the accept: the mark
-- would show the sender what was opened since.
CREATE TRIGGER no_late_mistake BEFORE UPDATE OF status ON referral FOR EACH ROW
    WHEN (NEW.status = 'entered_in_error' AND OLD.status <> 'entered_in_error'
          AND current_user <> 'owner' AND (OLD.ended_at IS NOT NULL
               OR OLD.accepted_at + interval '7 days' <= sec.clock()))
    EXECUTE FUNCTION sec.refuse_end_change();
CREATE TRIGGER notice_is_released BEFORE UPDATE OF sent_at ON referral FOR EACH ROW
    WHEN (OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL)
    EXECUTE FUNCTION sec.refuse_unreleased_notice();
CREATE TRIGGER one_world BEFORE INSERT OR UPDATE OF from_agency_id, to_agency_id ON referral
    FOR EACH ROW EXECUTE FUNCTION sec.refuse_two_worlds();
