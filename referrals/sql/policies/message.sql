-- A member sees their own messages; the agency_admin sees those of the agency's own channels.
-- Neither sees what a message is about, so the agency's list reveals nothing of a referral that
-- bars its reader.

ALTER TABLE message ENABLE ROW LEVEL SECURITY;
ALTER TABLE message FORCE ROW LEVEL SECURITY;

GRANT SELECT (id, agency_id, member_id, channel_id, kind, template, at, state, tries, due_at,
      outcome, done_at), UPDATE (state, tries, due_at, outcome, done_at) ON message TO app;
GRANT SELECT, INSERT, UPDATE (state, tries, due_at, lease, leased_until, outcome, done_at, call_sid,
      unknown_since, template), DELETE ON message TO jobs;
GRANT SELECT, INSERT, UPDATE (keys_wrong) ON message TO definer;

CREATE POLICY whose_it_is ON message FOR SELECT TO app
    USING (member_id = (SELECT sec.current_member_id())
           OR (member_id IS NULL AND agency_id = (SELECT sec.administrator_agency_id())));
CREATE POLICY once_more ON message FOR UPDATE TO app
    USING (member_id = (SELECT sec.current_member_id())
           OR (member_id IS NULL AND agency_id = (SELECT sec.administrator_agency_id())))
    WITH CHECK (state = 'waiting');
CREATE POLICY jobs_keep ON message TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON message FOR SELECT TO definer USING (true);
CREATE POLICY definer_counts ON message FOR UPDATE TO definer USING (true) WITH CHECK (true);
CREATE POLICY definer_tests ON message FOR INSERT TO definer
    WITH CHECK (template IN ('test', 'code', 'new_device', 'account_changed',
                              'sign_in_reset', 'operator_act', 'sign_in_away', 'check_shifts',
                              'lost_acts'));

-- For a new message, and for a dead one that is tried again from the start.
CREATE TRIGGER wake AFTER INSERT OR UPDATE OF tries ON message
    FOR EACH ROW WHEN (NEW.state = 'waiting' AND NEW.tries = 0)
    EXECUTE FUNCTION sec.wake_message_job();

-- The operator's entries alone: what is done by a request has its id.
CREATE TRIGGER tell_of_operator AFTER INSERT ON access_entry
    FOR EACH ROW WHEN (NEW.request_id IS NULL AND NEW.agency_id IS NOT NULL)
    EXECUTE FUNCTION sec.queue_operator_message();
ALTER TABLE access_entry ENABLE ALWAYS TRIGGER tell_of_operator;
