-- A member sees their own messages; the agency_admin sees those of the agency's own channels.
-- Neither sees what a message is about, so the agency's list reveals nothing of a referral that
-- bars its reader.

ALTER TABLE message ENABLE ROW LEVEL SECURITY;
ALTER TABLE message FORCE ROW LEVEL SECURITY;

GRANT SELECT (id, agency_id, member_id, channel_id, kind, template, at, state, tries, due_at,
      outcome, done_at), UPDATE (state, tries, due_at, outcome, done_at) ON message TO app;
GRANT SELECT, INSERT, UPDATE (state, tries, due_at, lease, leased_until, outcome, done_at, call_sid,
      unknown_since), DELETE ON message TO jobs;
GRANT SELECT, INSERT ON message TO gate;

CREATE POLICY whose_it_is ON message FOR SELECT TO app
    USING (member_id = (SELECT sec.herself())
           OR (member_id IS NULL AND agency_id = (SELECT sec.administering())));
CREATE POLICY once_more ON message FOR UPDATE TO app
    USING (member_id = (SELECT sec.herself())
           OR (member_id IS NULL AND agency_id = (SELECT sec.administering())))
    WITH CHECK (state = 'waiting');
CREATE POLICY jobs_keep ON message TO jobs USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON message FOR SELECT TO gate USING (true);
CREATE POLICY gate_tests ON message FOR INSERT TO gate WITH CHECK (template = 'test');

-- For a new message, and for a dead one that is tried again from the start.
CREATE TRIGGER wake AFTER INSERT OR UPDATE OF tries ON message
    FOR EACH ROW WHEN (NEW.state = 'waiting' AND NEW.tries = 0)
    EXECUTE FUNCTION sec.wake_sender();
