-- as: owner
-- Triggers on rows of a referral: what no update may take back, and hints to the background work.

-- When it was sent, accepted and ended is written once: else whoever takes these back could take
-- the referral over by a right that ended with them.
CREATE FUNCTION sec.written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'written once' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Policies add up (purge has one of its own): what was answered never expires, whoever says so.
CREATE FUNCTION sec.only_waiting_expires() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it was answered' USING ERRCODE = 'insufficient_privilege';
END $$;

-- So is what a side said at its end, her stop before all: nobody takes it back.
CREATE FUNCTION sec.an_end_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it has ended' USING ERRCODE = 'insufficient_privilege';
END $$;

-- A commit wakes the background work (referrals/worker.py), so that nobody waits for its pace. A
-- hint, given once a transaction: whoever misses it looks by itself a moment later.
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
