-- as: definer
-- Limits: how often something may be done within a period (permissions/identity/brakes.py).

-- Count once more, and say how long to wait: NULL if it may be done now. The period begins with the
-- first. The count is part of the caller's transaction: what is refused, and rolled back, was not
-- counted.
CREATE FUNCTION sec.wait_for_turn(counter bytea, most int, period interval) RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now timestamptz := sec.clock();
    counted public.recent_count;
BEGIN
    INSERT INTO public.recent_count AS r (counter, times, ends_at)
    VALUES (wait_for_turn.counter, 1, now + period)
    ON CONFLICT ON CONSTRAINT recent_count_pkey DO UPDATE
       SET times = CASE WHEN r.ends_at <= now THEN 1 ELSE r.times + 1 END,
           ends_at = CASE WHEN r.ends_at <= now THEN excluded.ends_at ELSE r.ends_at END
    RETURNING * INTO counted;
    RETURN CASE WHEN counted.times > most THEN counted.ends_at - now END;
END $$;

-- The same for what is counted in the database alone: the number and the period are in the function
-- that calls this one, so that its caller cannot ask for more.
CREATE FUNCTION sec.use_limit(name text, owner uuid, most int, period interval) RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN sec.wait_for_turn(sha256(convert_to(concat_ws(' ', 'limit', name, owner), 'UTF8')), most,
                             period);
END $$;

-- Take one time back, of what counts only where it fails.
CREATE FUNCTION sec.give_turn_back(counter bytea) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    UPDATE public.recent_count r SET times = r.times - 1
     WHERE r.counter = give_turn_back.counter AND r.times > 0
$$;

-- Delete the counts whose period is over. Run by the background work once a minute.
CREATE FUNCTION sec.end_recent_counts() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    DELETE FROM public.recent_count WHERE ends_at <= sec.clock()
$$;

REVOKE ALL ON FUNCTION sec.wait_for_turn(bytea, int, interval),
    sec.use_limit(text, uuid, int, interval), sec.give_turn_back(bytea),
    sec.end_recent_counts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.wait_for_turn(bytea, int, interval) TO app, signin;
GRANT EXECUTE ON FUNCTION sec.give_turn_back(bytea) TO signin;
GRANT EXECUTE ON FUNCTION sec.end_recent_counts() TO jobs;
