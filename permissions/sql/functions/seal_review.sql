-- as: definer
-- What auditors may ask about the seals: their status, a batch recomputed now, entries that were
-- inserted afterwards, and the sealed leaves as lines for the verifier. Answers are numbers and
-- hashes; only the caller's own agency's entries are given as text.

-- The newest checkpoint; how many entries are not sealed yet (counted up to 10,000) and since when;
-- the signed statements of what a restored backup had lost; and what the worker last found.
-- `restored`: the newest checkpoint counts transactions as over that the server has yet to reach.
-- The database came from a backup, nothing is sealed, and `manage.py database recover` was
-- forgotten.
CREATE FUNCTION sec.seal_status(
    OUT seq bigint, OUT size bigint, OUT body text, OUT key_id text, OUT waiting bigint,
    OUT waiting_since timestamptz, OUT restored boolean, OUT gaps text[], OUT watched jsonb
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    since bigint;
BEGIN
    IF sec.auditor_agency_id() IS NULL THEN
        RETURN;
    END IF;
    SELECT c.seq, c.size, c.body, c.key_id, c.xact_before INTO seq, size, body, key_id, since
      FROM public.log_checkpoint c ORDER BY c.seq DESC LIMIT 1;
    SELECT count(*), min(one.at) INTO waiting, waiting_since FROM (
        SELECT e.at FROM public.access_entry e
         WHERE e.xact >= coalesce(since, 0)
           AND NOT EXISTS (SELECT FROM public.log_leaf l
                            WHERE l.entry_id = e.id AND l.entry_at = e.at)
         LIMIT 10000) one;
    restored := coalesce(
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint < since, false);
    watched := (SELECT jsonb_object_agg(w.what, to_jsonb(w)) FROM public.log_watch w);
    gaps := ARRAY(SELECT c.body FROM public.log_checkpoint c
                   WHERE c.body LIKE '{"gap"%' ORDER BY c.seq);
END $$;

-- The checkpoints that removed a month whose time was over (permissions/ledger/retention.py).
CREATE FUNCTION sec.retirement_checkpoints()
RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF sec.auditor_agency_id() IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT c.seq FROM public.log_checkpoint c
                  WHERE c.body LIKE '%"retired":{%' ORDER BY c.seq);
END $$;

-- One checkpoint with its batch's leaves, as sealed and as computed from the entries that exist
-- now (NULL if an entry is gone), and each entry's month. The answer holds hashes only, for every
-- agency's entries. A batch of more than `most` entries is returned as sealed only.
CREATE FUNCTION sec.recomputed_batch(which bigint, most bigint)
RETURNS TABLE (first bigint, size bigint, body text, key_id text, signature bytea,
               sealed bytea[], found bytea[], months text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    c public.log_checkpoint;
    earliest timestamptz;
    latest timestamptz;
BEGIN
    IF sec.auditor_agency_id() IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO c FROM public.log_checkpoint o WHERE o.seq = which;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF c.size - c.first > most THEN
        RETURN QUERY
        SELECT c.first, c.size, c.body, c.key_id, c.signature,
               ARRAY(SELECT l.leaf FROM public.log_leaf l
                      WHERE l.position >= c.first AND l.position < c.size ORDER BY l.position),
               NULL::bytea[], NULL::text[];
        RETURN;
    END IF;
    SELECT min(l.entry_at), max(l.entry_at) INTO earliest, latest FROM public.log_leaf l
     WHERE l.position >= c.first AND l.position < c.size;
    RETURN QUERY
    SELECT c.first, c.size, c.body, c.key_id, c.signature,
           array_agg(l.leaf ORDER BY l.position),
           array_agg(CASE WHEN e.id IS NOT NULL THEN sec.entry_leaf(e) END ORDER BY l.position),
           array_agg(to_char(l.entry_at AT TIME ZONE 'UTC', 'YYYY-MM') ORDER BY l.position)
      FROM public.log_leaf l
      LEFT JOIN public.access_entry e ON e.id = l.entry_id AND e.at = l.entry_at
            AND e.at >= earliest AND e.at <= latest
     WHERE l.position >= c.first AND l.position < c.size;
END $$;

-- Entries of these checkpoints' transactions, or of transactions yet to come, that no seal covers:
-- they were inserted afterwards. At most `most`; id and text are given for the caller's own agency
-- only. Each entry is looked up singly, so that only these transactions' entries are read. From a
-- restore to `database recover` transaction numbers prove nothing
-- (permissions/ledger/self_check.py).
CREATE FUNCTION sec.unsealed_entries(first_seq bigint, last_seq bigint, most bigint)
RETURNS TABLE (id uuid, entry text) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    hidden uuid[] := sec.blocked_referral_ids();
    actor_id uuid := sec.current_actor_id();
    newest public.log_checkpoint;
    since bigint;
    until bigint;
    to_come bigint := greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                               1 + pg_current_xact_id_if_assigned()::text::bigint);
BEGIN
    SELECT * INTO newest FROM public.log_checkpoint c ORDER BY c.seq DESC LIMIT 1;
    IF mine IS NULL
       OR pg_snapshot_xmin(pg_current_snapshot())::text::bigint < newest.xact_before THEN
        RETURN;
    END IF;
    since := coalesce((SELECT c.xact_before FROM public.log_checkpoint c
                        WHERE c.seq < first_seq ORDER BY c.seq DESC LIMIT 1), -9223372036854775807);
    until := (SELECT c.xact_before FROM public.log_checkpoint c WHERE c.seq = last_seq);
    RETURN QUERY
    SELECT CASE WHEN e.agency_id = mine AND NOT sec.is_hidden_from_auditor(actor_id, hidden,
        e) THEN e.id END,
           CASE WHEN e.agency_id = mine AND NOT sec.is_hidden_from_auditor(actor_id, hidden, e)
                THEN sec.entry_leaf_text(e) END
      FROM public.access_entry e
     WHERE ((e.xact >= since AND e.xact < least(until, newest.xact_before))
            OR e.xact >= to_come)
       AND coalesce((SELECT l.position FROM public.log_leaf l
                      WHERE l.entry_id = e.id AND l.entry_at = e.at), newest.size) >= newest.size
     LIMIT most;
END $$;

-- The positions from `since` to before `until` as lines for the verifier: the text of an entry of
-- the caller's own agency; the leaf of another agency's, which shows no more than the checkpoint
-- over it, that something was done in that second; the leaf and month of an entry that is gone.
CREATE FUNCTION sec.sealed_lines(since bigint, until bigint)
RETURNS TABLE (place bigint, line text) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    hidden uuid[] := sec.blocked_referral_ids();
    actor_id uuid := sec.current_actor_id();
    earliest timestamptz;
    latest timestamptz;
BEGIN
    IF mine IS NULL THEN
        RETURN;
    END IF;
    SELECT min(l.entry_at), max(l.entry_at) INTO earliest, latest FROM public.log_leaf l
     WHERE l.position >= since AND l.position < until;
    RETURN QUERY
    SELECT l.position, encode(l.leaf, 'hex') || CASE
               WHEN e.agency_id = mine AND NOT sec.is_hidden_from_auditor(actor_id, hidden, e)
                   THEN ' ' || sec.entry_leaf_text(e)
               WHEN e.id IS NOT NULL THEN ' ~'
               ELSE ' - ' || encode(l.leaf, 'hex') || ' '
                    || to_char(l.entry_at AT TIME ZONE 'UTC', 'YYYY-MM') END
      FROM public.log_leaf l
      LEFT JOIN public.access_entry e ON e.id = l.entry_id AND e.at = l.entry_at
            AND e.at >= earliest AND e.at <= latest
     WHERE l.position >= since AND l.position < until ORDER BY l.position;
END $$;

REVOKE ALL ON FUNCTION sec.seal_status(), sec.retirement_checkpoints(),
    sec.recomputed_batch(bigint, bigint), sec.unsealed_entries(bigint, bigint, bigint),
    sec.sealed_lines(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.seal_status(), sec.retirement_checkpoints(),
    sec.recomputed_batch(bigint, bigint), sec.unsealed_entries(bigint, bigint, bigint),
    sec.sealed_lines(bigint, bigint) TO auditor;
