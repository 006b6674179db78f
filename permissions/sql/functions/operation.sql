-- as: definer
-- What the operator's health checks and figures ask (ADR 0095). The answers are times, counts and
-- words of the code: no agency, no person, no referral.

-- Write a temporary file, larger than the memory that it may take, and then one row. Raises what
-- keeps a request from being done: a standby, a read-only database, a full disk. Nothing grows: the
-- row's old version is removed at the next write, the file when the function ends.
CREATE FUNCTION sec.test_write() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET work_mem = '64kB' AS $$
BEGIN
    PERFORM count(*) FROM generate_series(1, 20000);
    UPDATE public.write_test SET at = clock_timestamp() WHERE only_row;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the row that the health check writes is gone'
              USING ERRCODE = 'no_data_found';
    END IF;
END $$;

-- Write an entry of the access log, and take it back before the function ends. `names` is its size,
-- 1 to 180: a large entry finds no room in a page that a small one still fits in. What is taken
-- back waits for a vacuum, so this is not called often (permissions/health/checks.py).
CREATE FUNCTION sec.test_log_write(names int) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, act, fields, decision, rule)
    VALUES (gen_random_uuid(), 'access_log.count_refusals',
            array_fill('name'::text, ARRAY[greatest(1, least(names, 180))]), 'refused', 'counted');
    RAISE EXCEPTION 'not kept' USING ERRCODE = 'CA001';
EXCEPTION WHEN SQLSTATE 'CA001' THEN
    RETURN;
END $$;

-- Record that a job did a step on a machine (`failed_with` is NULL), or which type of error ended
-- it. `due_in`: the seconds until its next beat at the latest. A machine that is new removes those
-- that were last heard of a week ago.
CREATE FUNCTION sec.beat(job text, host text, due_in double precision, failed_with text)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now timestamptz := clock_timestamp();
    done timestamptz := CASE WHEN failed_with IS NULL THEN now END;
    failed timestamptz := CASE WHEN failed_with IS NOT NULL THEN now END;
BEGIN
    PERFORM sec.clock();  -- refuses in a database that was restored
    UPDATE public.job_heartbeat h
       SET done_at = coalesce(done, h.done_at), due_at = now + make_interval(secs => due_in),
           failing_since = CASE WHEN failed IS NOT NULL
                                THEN coalesce(h.failing_since, failed) END,
           error = failed_with
     WHERE h.job = beat.job AND h.host = beat.host;
    IF FOUND THEN
        RETURN;
    END IF;
    DELETE FROM public.job_heartbeat h WHERE h.due_at < now - interval '7 days';
    INSERT INTO public.job_heartbeat (id, job, host, done_at, due_at, failing_since, error)
    VALUES (gen_random_uuid(), beat.job, beat.host, done, now + make_interval(secs => due_in),
            failed, failed_with)
    ON CONFLICT ON CONSTRAINT job_heartbeat_once DO NOTHING;
END $$;

-- Each job on each machine: seconds since its last step that succeeded, whether a beat is overdue,
-- and for how many seconds it has been failing.
CREATE FUNCTION sec.job_heartbeats()
RETURNS TABLE (job text, host text, done_s double precision, late boolean,
               failing_s double precision, error text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT h.job, h.host, extract(epoch FROM clock_timestamp() - h.done_at)::double precision,
           h.due_at < clock_timestamp(),
           extract(epoch FROM clock_timestamp() - h.failing_since)::double precision, h.error
      FROM public.job_heartbeat h ORDER BY h.job, h.host
$$;

-- The seals: for how many seconds the oldest entry without one has waited, NULL if none has.
-- `restored`: nothing is sealed until `manage.py database recover`. `faults`: what the worker's own
-- check, and its comparison with the witness's file, last found. And the clock: the server's time,
-- and whether the clock of the rules was moved away from it.
CREATE FUNCTION sec.operation_figures(
    OUT seal_lag_s double precision, OUT restored boolean, OUT faults bigint,
    OUT server_time double precision, OUT clock_shifted boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    since bigint;
BEGIN
    SELECT c.xact_before INTO since FROM public.log_checkpoint c ORDER BY c.seq DESC LIMIT 1;
    SELECT extract(epoch FROM sec.clock() - min(one.at)) INTO seal_lag_s FROM (
        SELECT e.at FROM public.access_entry e
         WHERE e.xact >= coalesce(since, 0)
           AND NOT EXISTS (SELECT FROM public.log_leaf l
                            WHERE l.entry_id = e.id AND l.entry_at = e.at)
         LIMIT 10000) one;
    restored := coalesce(pg_snapshot_xmin(pg_current_snapshot())::text::bigint < since, false);
    faults := coalesce((SELECT sum(w.faults) FROM public.log_watch w), 0);
    server_time := extract(epoch FROM clock_timestamp());
    clock_shifted := sec.shift() <> '0';
END $$;

REVOKE ALL ON FUNCTION sec.test_write(), sec.test_log_write(int),
    sec.beat(text, text, double precision, text), sec.job_heartbeats(),
    sec.operation_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.test_write(), sec.test_log_write(int) TO app;
GRANT EXECUTE ON FUNCTION sec.beat(text, text, double precision, text) TO jobs;
GRANT EXECUTE ON FUNCTION sec.job_heartbeats() TO app, jobs;
GRANT EXECUTE ON FUNCTION sec.operation_figures() TO app, sealer;
