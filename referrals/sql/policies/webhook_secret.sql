-- `app` writes a secret once and never reads it.

ALTER TABLE webhook_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_secret FORCE ROW LEVEL SECURITY;

GRANT SELECT (id, endpoint_id, created_at, ends_at), INSERT (id, endpoint_id, kek_version,
      key_bundle, created_at), UPDATE (ends_at) ON webhook_secret TO app;
GRANT SELECT, UPDATE (kek_version, key_bundle), DELETE ON webhook_secret TO jobs;
GRANT SELECT ON webhook_secret TO definer;

CREATE POLICY own_agency ON webhook_secret TO app
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint_id))
    WITH CHECK (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint_id));
CREATE POLICY jobs_send ON webhook_secret TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON webhook_secret FOR SELECT TO definer USING (true);
