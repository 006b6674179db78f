-- as: owner
-- Triggers on rows of a referral: what no update may undo, and hints to the background work.

-- The times of sending, accepting and ending are written once. A caller who could reset them could
-- take the referral over by a right that ended with them.
CREATE FUNCTION sec.written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'written once' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Policies add up (purge has its own), so a trigger ensures that an answered referral never
-- expires.
CREATE FUNCTION sec.only_waiting_expires() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it was answered' USING ERRCODE = 'insufficient_privilege';
END $$;

-- A side's final state stays, above all a survivor's stop: no one can undo it.
CREATE FUNCTION sec.an_end_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it has ended' USING ERRCODE = 'insufficient_privilege';
END $$;

-- A commit wakes the background work (referrals/worker.py), which then need not wait for its next
-- poll. It is a hint, given once a transaction: a worker that misses it polls a moment later.
CREATE FUNCTION sec.wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cairn_work', job) FROM unnest(TG_ARGV) job;
    RETURN NULL;
END $$;

CREATE FUNCTION sec.wake_sender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cairn_work', NEW.kind);
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION sec.written_once(), sec.only_waiting_expires(), sec.an_end_stays(),
    sec.wake(), sec.wake_sender() FROM PUBLIC;
