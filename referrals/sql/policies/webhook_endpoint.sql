-- The agency's own people manage its endpoints (sec.webhook_keeper).

ALTER TABLE webhook_endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoint FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (url, paused, stopped, at_xact, at_event, tries, failing_since,
      next_at, ping_id, lease, leased_until, removed_at) ON webhook_endpoint TO app;
GRANT SELECT, UPDATE (at_seq, stopped, at_xact, at_event, tries, failing_since, next_at, ping_id,
      lease, leased_until), DELETE ON webhook_endpoint TO jobs;
GRANT SELECT ON webhook_endpoint TO gate;

CREATE POLICY own_agency ON webhook_endpoint FOR SELECT TO app
    USING (agency_id = (SELECT sec.webhook_keeper()));
CREATE POLICY own_agency_changes ON webhook_endpoint FOR UPDATE TO app
    USING (agency_id = (SELECT sec.webhook_keeper()));
-- An endpoint for checkpoints needs the right to read them (sec.auditing): not everyone may know
-- how much is done in a night.
CREATE POLICY own_agency_begins ON webhook_endpoint FOR INSERT TO app
    WITH CHECK (agency_id = (SELECT sec.webhook_keeper())
                AND (about = 'events' OR agency_id = (SELECT sec.auditing())));
CREATE POLICY jobs_send ON webhook_endpoint TO jobs USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON webhook_endpoint FOR SELECT TO gate USING (true);
