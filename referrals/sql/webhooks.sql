-- Webhooks: where an agency's own systems are told of its events. Ids alone go out. An agency_admin
-- or a client with webhooks:write keeps them; the background work sends as `jobs`.

CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES permissions_agency,
    url text NOT NULL CHECK (octet_length(url) <= 500),
    -- What is sent there: the agency's events, or, to a witness, the log's newest checkpoint.
    about text NOT NULL DEFAULT 'events' CHECK (about IN ('events', 'checkpoints')),
    at_seq bigint NOT NULL DEFAULT 0,  -- the last checkpoint it took
    created_at timestamptz NOT NULL,
    paused boolean NOT NULL DEFAULT false,  -- by its owner
    stopped text CHECK (stopped IN ('gone', 'given_up')),  -- by the sender, until it is resumed
    -- The last event it took, in its agency's feed: the next one is what comes after.
    at_xact bigint NOT NULL,
    at_event uuid NOT NULL,
    tries int NOT NULL DEFAULT 0,  -- in vain, one after the other
    failing_since timestamptz,
    next_at timestamptz NOT NULL,  -- not before
    ping_id uuid,  -- a test that was asked for
    -- One sender at a time, so that events keep their order. One that died loses it in time.
    lease uuid,
    leased_until timestamptz,
    removed_at timestamptz
);
CREATE UNIQUE INDEX one_endpoint_an_address ON webhook_endpoint (agency_id, url)
    WHERE removed_at IS NULL;

-- What its messages are signed with; two while the receiver changes over. Wrapped for the sender
-- (permissions/keys.py: SENDING), which is no agency: `agency_id` says whose key wraps it.
CREATE TABLE webhook_secret (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
    agency_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001',
    kek_version int NOT NULL,
    key_bundle bytea NOT NULL,
    created_at timestamptz NOT NULL,
    ends_at timestamptz
);
CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id);

-- One line a try; kept for 30 days.
CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
    agency_id uuid NOT NULL REFERENCES permissions_agency,
    event_id uuid,  -- NULL: a checkpoint, or a test
    checkpoint bigint,  -- its number
    referral_id uuid,  -- for purge; not shown
    message_id uuid NOT NULL,  -- the header webhook-id
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    status int,
    took_ms int NOT NULL
);
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (endpoint_id, at DESC, id DESC);
CREATE INDEX webhook_delivery_referral ON webhook_delivery (referral_id);

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['webhook_endpoint', 'webhook_secret', 'webhook_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY jobs_send ON %I TO jobs USING (true) WITH CHECK (true)',
                       part);
    END LOOP;
END $$;

-- The agency, if the caller keeps its webhooks.
CREATE FUNCTION sec.webhook_keeper() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL THEN
        IF 'agency_admin' = ANY (me.roles) THEN
            RETURN me.agency_id;
        END IF;
    ELSIF 'webhooks:write' = ANY (me.scopes) THEN
        RETURN me.agency_id;
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT, INSERT ON webhook_endpoint TO app;
GRANT UPDATE (url, paused, stopped, at_xact, at_event, tries, failing_since, next_at, ping_id,
              lease, leased_until, removed_at) ON webhook_endpoint TO app;
GRANT SELECT (id, endpoint_id, created_at, ends_at),
      INSERT (id, endpoint_id, kek_version, key_bundle, created_at),
      UPDATE (ends_at) ON webhook_secret TO app;
GRANT SELECT (id, endpoint_id, agency_id, event_id, checkpoint, message_id, at, outcome, status,
              took_ms) ON webhook_delivery TO app;
CREATE POLICY own_agency ON webhook_endpoint FOR SELECT TO app
    USING (agency_id = (SELECT sec.webhook_keeper()));
CREATE POLICY own_agency_changes ON webhook_endpoint FOR UPDATE TO app
    USING (agency_id = (SELECT sec.webhook_keeper()));
-- How much is done in a night is not everybody's to know: a witness may read the checkpoints, too.
CREATE POLICY own_agency_begins ON webhook_endpoint FOR INSERT TO app
    WITH CHECK (agency_id = (SELECT sec.webhook_keeper())
                AND (about = 'events' OR agency_id = (SELECT sec.auditing())));
CREATE POLICY own_agency ON webhook_secret TO app
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint_id))
    WITH CHECK (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint_id));
CREATE POLICY own_agency ON webhook_delivery FOR SELECT TO app
    USING (agency_id = (SELECT sec.webhook_keeper()));

GRANT SELECT, DELETE ON webhook_endpoint TO jobs;
GRANT UPDATE (stopped, at_xact, at_event, at_seq, tries, failing_since, next_at, ping_id, lease,
              leased_until) ON webhook_endpoint TO jobs;
GRANT SELECT ON log_checkpoint TO jobs;
CREATE POLICY jobs_send ON log_checkpoint FOR SELECT TO jobs USING (true);
GRANT SELECT, DELETE, UPDATE (kek_version, key_bundle) ON webhook_secret TO jobs;
GRANT SELECT ON webhook_secret TO gate;
CREATE POLICY gate_reads ON webhook_secret FOR SELECT TO gate USING (true);
GRANT SELECT, INSERT, DELETE ON webhook_delivery TO jobs;
GRANT SELECT (id, xact, from_agency_id, to_agency_id, reserved) ON referral_event TO jobs;

-- Where an event stands in the feeds is the database's own word.
REVOKE INSERT ON referral_event FROM app;
GRANT INSERT (id, referral_id, from_agency_id, to_agency_id, at, act, agency_id, member_id,
              about_id, code, reserved, from_sees, to_sees) ON referral_event TO app;

-- Where an event stands in the feed of the caller's agency, for a replay that begins with it; no
-- row for one that the agency's mailbox may not know.
CREATE FUNCTION sec.event_place(event uuid) RETURNS TABLE (xact bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.webhook_keeper();
BEGIN
    RETURN QUERY
    SELECT e.xact FROM public.referral_event e
     WHERE e.id = event AND NOT e.reserved
       AND ((e.from_agency_id = mine AND e.from_sees) OR (e.to_agency_id = mine AND e.to_sees))
       AND NOT sec.mailbox_barred(e.referral_id, mine);
END $$;

-- What was sent, in the access log: before it leaves, in nobody's name (R11).
CREATE FUNCTION sec.log_sent(entry_id uuid, agency uuid, ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, agency_id, act, referral_ids, decision)
    VALUES (entry_id, agency, 'webhook.send', ids, 'allowed');
END $$;

-- After a restore into a new cluster: go on counting above all that was ever fed. Where the cluster
-- is the old one, nothing changes. 2^40: what was fed after the copy was made is gone, and those
-- who read it stand there.
GRANT SELECT ON webhook_endpoint TO gate;
CREATE POLICY gate_reads ON webhook_endpoint FOR SELECT TO gate USING (true);
CREATE FUNCTION sec.count_on() RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    newest bigint := greatest((SELECT max(e.xact) FROM public.referral_event e),
                              (SELECT max(w.at_xact) FROM public.webhook_endpoint w));
BEGIN
    IF newest >= sec.xact() THEN
        UPDATE sec.xact_base
           SET base = newest + (1::bigint << 40) - pg_current_xact_id()::text::bigint;
        RETURN true;
    END IF;
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION sec.webhook_keeper(), sec.event_place(uuid),
    sec.log_sent(uuid, uuid, uuid[]), sec.count_on() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.webhook_keeper(), sec.event_place(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.log_sent(uuid, uuid, uuid[]), sec.count_on() TO jobs;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.webhook_keeper() OWNER TO gate;
ALTER FUNCTION sec.event_place(uuid) OWNER TO gate;
ALTER FUNCTION sec.log_sent(uuid, uuid, uuid[]) OWNER TO gate;
ALTER FUNCTION sec.count_on() OWNER TO gate;
