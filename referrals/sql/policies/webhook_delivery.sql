-- Those who manage a webhook see its deliveries, without the referral.

ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery FORCE ROW LEVEL SECURITY;

GRANT SELECT (id, endpoint_id, agency_id, event_id, checkpoint, message_id, at, outcome, status,
      took_ms) ON webhook_delivery TO app;
GRANT SELECT, INSERT, DELETE ON webhook_delivery TO jobs;
GRANT SELECT ON webhook_delivery TO definer;

CREATE POLICY own_agency ON webhook_delivery FOR SELECT TO app
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint_id));
CREATE POLICY jobs_send ON webhook_delivery TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON webhook_delivery FOR SELECT TO definer USING (true);
