-- as: definer
-- Webhooks notify an agency's own systems of its events. Only ids are sent. An agency_admin or a
-- client with webhooks:write manages them; the background work sends as `jobs`.

-- The agency, if the caller may manage its webhooks.
CREATE FUNCTION sec.webhook_manager_agency_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

-- Count a look-up of a webhook's host: twenty an hour for an agency. NULL: it may be made.
-- Otherwise how long to wait.
CREATE FUNCTION sec.use_webhook_lookup() RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.webhook_manager_agency_id();
BEGIN
    IF mine IS NULL THEN
        RETURN interval '1 hour';
    END IF;
    RETURN sec.use_limit('webhook_lookup', mine, 20, interval '1 hour');
END $$;

-- Record what is about to be sent in the access log, without a member's name (R11).
CREATE FUNCTION sec.log_webhook_delivery(entry_id uuid, agency uuid, ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, agency_id, act, referral_ids, decision)
    VALUES (entry_id, agency, 'webhook.send', ids, 'allowed');
END $$;

-- After a restore or a failover, raise the base so that new events come after every event that was
-- ever fed, also those that were lost. It always jumps, and further than any jump before: the
-- seconds since 1970 times 2^30, more transactions than a server ever counts meanwhile; and by 2^40
-- at least, where a clock stands wrong. A reader who held a place misses nothing and gets nothing
-- below it. Returns where the count goes on.
CREATE FUNCTION sec.continue_xact_count()
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    newest bigint := greatest((SELECT max(e.xact) FROM public.referral_event e),
                              (SELECT max(w.at_xact) FROM public.webhook_endpoint w), sec.xact());
    goes_on bigint := greatest(newest + (1::bigint << 40),
                               extract(epoch FROM clock_timestamp())::bigint << 30);
BEGIN
    UPDATE public.xact_base SET base = goes_on - pg_current_xact_id()::text::bigint;
    RETURN goes_on;
END $$;

-- A page of the tries of one of the caller's webhooks, newest first, from behind a place: what the
-- policy of webhook_delivery shows, without those of a referral that has barred anyone of the
-- agency since. It is read here, past the policy, because that question is asked of each row, and
-- makes the planner ask it of all before it cuts the page.
CREATE FUNCTION sec.newest_deliveries(
    endpoint uuid, before_at timestamptz, before_id uuid, page int
)
RETURNS TABLE (id uuid, at timestamptz, event_id uuid, checkpoint bigint, message_id uuid,
               outcome text, status int, took_ms int)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100 SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    mine uuid := sec.webhook_manager_agency_id();
BEGIN
    IF NOT EXISTS (SELECT FROM public.webhook_endpoint w
                    WHERE w.id = endpoint AND w.agency_id = mine
                      AND (w.about <> 'checkpoints' OR w.agency_id = sec.auditor_agency_id())) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.id, d.at, d.event_id, d.checkpoint, d.message_id, d.outcome, d.status, d.took_ms
      FROM public.webhook_delivery d
     WHERE d.endpoint_id = endpoint AND d.agency_id = mine
       AND (before_at IS NULL OR (d.at, d.id) < (before_at, before_id))
       AND (d.event_id IS NULL OR EXISTS (SELECT FROM sec.event_position_for(d.event_id, mine)))
     ORDER BY d.at DESC, d.id DESC LIMIT page;
END $$;

REVOKE ALL ON FUNCTION sec.newest_deliveries(uuid, timestamptz, uuid, int),
    sec.webhook_manager_agency_id(), sec.use_webhook_lookup(),
    sec.log_webhook_delivery(uuid, uuid, uuid[]), sec.continue_xact_count() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.webhook_manager_agency_id(), sec.use_webhook_lookup(),
    sec.newest_deliveries(uuid, timestamptz, uuid, int) TO app;
GRANT EXECUTE ON FUNCTION sec.log_webhook_delivery(uuid, uuid, uuid[]),
    sec.continue_xact_count() TO jobs;
