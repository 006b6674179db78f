-- The agency's own people manage its endpoints (sec.webhook_manager_agency_id). One for checkpoints
-- exists only for a system that may also read them (sec.auditor_agency_id): not everyone may know
-- how much is done in a night, nor move the address to which that is sent.

ALTER TABLE webhook_endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoint FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (url, paused, stopped, at_xact, at_event, tries, failing_since,
      next_at, ping_id, lease, leased_until, removed_at) ON webhook_endpoint TO app;
GRANT SELECT, UPDATE (at_seq, stopped, at_xact, at_event, tries, failing_since, next_at, ping_id,
      lease, leased_until), DELETE ON webhook_endpoint TO jobs;
GRANT SELECT ON webhook_endpoint TO definer;

CREATE POLICY own_agency ON webhook_endpoint TO app
    USING (agency_id = (SELECT sec.webhook_manager_agency_id())
           AND (about <> 'checkpoints' OR agency_id = (SELECT sec.auditor_agency_id())))
    WITH CHECK (agency_id = (SELECT sec.webhook_manager_agency_id())
                AND (about <> 'checkpoints' OR agency_id = (SELECT sec.auditor_agency_id())));
CREATE POLICY jobs_send ON webhook_endpoint TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON webhook_endpoint FOR SELECT TO definer USING (true);
