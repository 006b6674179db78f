-- as: definer
-- How messages and webhooks are getting on, for the operator (ADR 0095): counts and seconds, by
-- kind and outcome. No agency, no address, no person, no referral.

-- `oldest_s`: the seconds since the first of these messages was made; `overdue_s`: for how long one
-- of them could have been sent, and was not; `ended_s`: since the last of them was sent or given
-- up. Those that were sent are counted for a day: what is asked every few seconds reads no history.
CREATE FUNCTION sec.message_figures()
RETURNS TABLE (kind text, state text, outcome text, number bigint, oldest_s double precision,
               overdue_s double precision, ended_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT m.kind, m.state, coalesce(m.outcome, 'none'), count(*),
           extract(epoch FROM sec.clock() - min(m.at))::double precision,
           greatest(0, extract(epoch FROM sec.clock() - min(m.due_at)))::double precision,
           extract(epoch FROM sec.clock() - max(m.done_at))::double precision
      FROM public.message m
     WHERE m.state IN ('waiting', 'dead')
        OR (m.state = 'sent' AND m.done_at > sec.clock() - interval '1 day')
     GROUP BY 1, 2, 3
$$;

-- Endpoints that do not take what is sent to them: how many are failing and since when the first,
-- how many the sender gave up, and its tries of the last five minutes by outcome. The ids of tries
-- begin with their time in milliseconds (UUIDv7).
CREATE FUNCTION sec.webhook_figures(
    OUT failing bigint, OUT failing_s double precision, OUT stopped bigint, OUT tries jsonb
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    first_id uuid := rpad(lpad(to_hex((extract(epoch FROM sec.clock() - interval '5 minutes')
                                       * 1000)::bigint), 12, '0'), 32, '0')::uuid;
BEGIN
    SELECT count(*) FILTER (WHERE e.failing_since IS NOT NULL AND e.stopped IS NULL),
           extract(epoch FROM sec.clock() - min(e.failing_since)
                              FILTER (WHERE e.stopped IS NULL)),
           count(*) FILTER (WHERE e.stopped IS NOT NULL)
      INTO failing, failing_s, stopped
      FROM public.webhook_endpoint e WHERE e.removed_at IS NULL AND NOT e.paused;
    SELECT coalesce(jsonb_object_agg(one.outcome, one.number), '{}') INTO tries FROM (
        SELECT d.outcome, count(*) AS number FROM public.webhook_delivery d
         WHERE d.id >= first_id GROUP BY 1) one;
END $$;

REVOKE ALL ON FUNCTION sec.message_figures(), sec.webhook_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.message_figures(), sec.webhook_figures() TO app, jobs;
