-- as: gate
-- Webhooks notify an agency's own systems of its events. Only ids are sent. An agency_admin or a
-- client with webhooks:write manages them; the background work sends as `jobs`.

-- The agency, if the caller may manage its webhooks.
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

-- Record what is about to be sent in the access log, without a member's name (R11).
CREATE FUNCTION sec.log_sent(entry_id uuid, agency uuid, ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, agency_id, act, referral_ids, decision)
    VALUES (entry_id, agency, 'webhook.send', ids, 'allowed');
END $$;

-- After a restore into a new cluster, raise the base so that new events come after every event that
-- was fed. In the old cluster nothing changes. 2^40 leaves room for events that were fed after the
-- backup: they are lost, but their readers continue from there. Returns whether it raised the base.
CREATE FUNCTION sec.count_on() RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    newest bigint := greatest((SELECT max(e.xact) FROM public.referral_event e),
                              (SELECT max(w.at_xact) FROM public.webhook_endpoint w));
BEGIN
    IF newest >= sec.xact() THEN
        UPDATE public.xact_base
           SET base = newest + (1::bigint << 40) - pg_current_xact_id()::text::bigint;
        RETURN true;
    END IF;
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION sec.webhook_keeper(), sec.log_sent(uuid, uuid, uuid[]),
    sec.count_on() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.webhook_keeper() TO app;
GRANT EXECUTE ON FUNCTION sec.log_sent(uuid, uuid, uuid[]), sec.count_on() TO jobs;
