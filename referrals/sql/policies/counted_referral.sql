-- Which referrals are counted, and which agencies' figures they have left. Only functions of the
-- database read and write it (functions/numbers.sql); the purge asks whether a month has any left.

ALTER TABLE counted_referral ENABLE ROW LEVEL SECURITY;
ALTER TABLE counted_referral FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (from_barred, to_barred, handoff_late), DELETE ON counted_referral
   TO definer;
GRANT SELECT (month) ON counted_referral TO jobs;

CREATE POLICY definer_counts ON counted_referral TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON counted_referral FOR SELECT TO jobs USING (true);

-- What is counted of a referral: its state, its times, and its notice.
CREATE TRIGGER count_it AFTER UPDATE ON referral FOR EACH ROW
    WHEN (NEW.sent_at IS NOT NULL AND (
        OLD.sent_at IS NULL OR NEW.status <> OLD.status
        OR NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at
        OR NEW.accepted_at IS DISTINCT FROM OLD.accepted_at
        OR (NEW.escalated_at IS NULL) <> (OLD.escalated_at IS NULL)
        OR NEW.concern <> OLD.concern OR NEW.age_band <> OLD.age_band
        OR NEW.urgency <> OLD.urgency OR NEW.needs <> OLD.needs))
    EXECUTE FUNCTION sec.count_referral();
CREATE TRIGGER count_own_side AFTER UPDATE OF state, escalated_at ON referral_side FOR EACH ROW
    WHEN ((NEW.state IN ('completed', 'unable', 'stopped')
           AND OLD.state IS DISTINCT FROM NEW.state)
          OR (OLD.escalated_at IS NULL AND NEW.escalated_at IS NOT NULL))
    EXECUTE FUNCTION sec.count_own_side();
CREATE TRIGGER leave_figures AFTER INSERT ON conflict_block FOR EACH ROW
    EXECUTE FUNCTION sec.count_out_blocked();
CREATE TRIGGER leave_figures AFTER INSERT ON permissions_membership FOR EACH ROW
    EXECUTE FUNCTION sec.count_out_joined();
