-- as: owner
-- Triggers on rows of a referral: what no update may undo, and hints to the background work.

-- The times of sending, accepting and ending are written once. A caller who could reset them could
-- take the referral over by a right that ended with them.
CREATE FUNCTION sec.refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'written once' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Policies add up (purge has its own), so a trigger ensures that an answered referral never
-- expires.
CREATE FUNCTION sec.refuse_late_expiry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it was answered' USING ERRCODE = 'insufficient_privilege';
END $$;

-- A side's final state stays, above all a survivor's stop: no one can undo it.
CREATE FUNCTION sec.refuse_end_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it has ended' USING ERRCODE = 'insufficient_privilege';
END $$;

-- A commit wakes the background work (referrals/worker.py), which then need not wait for its next
-- poll. It is a hint, given once a transaction: a worker that misses it polls a moment later.
CREATE FUNCTION sec.wake_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cairn_work', job) FROM unnest(TG_ARGV) job;
    RETURN NULL;
END $$;

CREATE FUNCTION sec.wake_message_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cairn_work', NEW.kind);
    RETURN NULL;
END $$;

-- A referral is between two live agencies, or between two of one exercise. Its agencies never
-- change, so it stays what it is.
CREATE FUNCTION sec.refuse_two_worlds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT a.exercise_id FROM public.permissions_agency a WHERE a.id = NEW.from_agency_id)
       IS DISTINCT FROM
       (SELECT a.exercise_id FROM public.permissions_agency a WHERE a.id = NEW.to_agency_id) THEN
        RAISE EXCEPTION 'practice and live do not meet' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION sec.refuse_two_worlds() FROM PUBLIC;
REVOKE ALL ON FUNCTION sec.refuse_rewrite(), sec.refuse_late_expiry(), sec.refuse_end_change(),
    sec.wake_jobs(), sec.wake_message_job() FROM PUBLIC;
