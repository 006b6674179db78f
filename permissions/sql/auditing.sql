-- Who reads the log beside an agency's own auditor, and what all auditors may ask of it: the months
-- that it has, where a referral was listed, counts, and how its seals stand.

-- An agency lets the auditors of one oversight agency read its entries, until a moment. Given by
-- its administrator, taken back at once; kept afterwards, so that it can be told who could read.
CREATE TABLE log_opt_in (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES permissions_agency,
    to_agency_id uuid NOT NULL REFERENCES permissions_agency,
    given_by uuid NOT NULL,
    given_at timestamptz NOT NULL DEFAULT sec.clock(),
    ends_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CHECK (agency_id <> to_agency_id)
);
CREATE INDEX log_opt_in_to ON log_opt_in (to_agency_id);
CREATE INDEX log_opt_in_of ON log_opt_in (agency_id, given_at DESC, id DESC);
ALTER TABLE log_opt_in ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_opt_in FORCE ROW LEVEL SECURITY;

-- The agency whose auditor asks, if it oversees the network.
CREATE FUNCTION sec.overseeing() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a
                WHERE a.id = mine AND a.kind = 'oversight') THEN
        RETURN mine;
    END IF;
    RETURN NULL;
END $$;

-- Whether an agency may be opted in to: it oversees, and is there.
CREATE FUNCTION sec.oversees(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = agency AND a.kind = 'oversight' AND a.active);
END $$;

-- The agencies whose entries the caller may read by their opt-in, now.
CREATE FUNCTION sec.opted_in() RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.overseeing();
BEGIN
    RETURN ARRAY(SELECT o.agency_id FROM public.log_opt_in o
                  WHERE o.to_agency_id = mine AND o.withdrawn_at IS NULL
                    AND o.ends_at > sec.clock());
END $$;

GRANT SELECT,
    INSERT (id, agency_id, to_agency_id, given_by, ends_at),
    UPDATE (withdrawn_at) ON log_opt_in TO app;
GRANT SELECT ON log_opt_in TO auditor, gate;
CREATE POLICY administrator_reads ON log_opt_in FOR SELECT TO app
    USING (agency_id = (SELECT sec.administering()));
CREATE POLICY administrator_gives ON log_opt_in FOR INSERT TO app
    WITH CHECK (agency_id = (SELECT sec.administering()) AND given_by = (SELECT sec.herself())
                AND ends_at > sec.clock() AND ends_at <= sec.clock() + interval '90 days'
                AND sec.oversees(to_agency_id));
CREATE POLICY administrator_takes_back ON log_opt_in FOR UPDATE TO app
    USING (agency_id = (SELECT sec.administering()))
    WITH CHECK (agency_id = (SELECT sec.administering()) AND withdrawn_at IS NOT NULL);
CREATE POLICY either_reads ON log_opt_in FOR SELECT TO auditor
    USING (agency_id = (SELECT sec.auditing()) OR to_agency_id = (SELECT sec.overseeing()));
CREATE POLICY gate_reads ON log_opt_in FOR SELECT TO gate USING (true);

CREATE POLICY opted_in ON access_entry FOR SELECT TO auditor
    USING (agency_id = ANY ((SELECT sec.opted_in())::uuid[]));

-- How often an opt-in was read by, and when last: told to the agency that gave it and to the one
-- that reads by it, without a word of who it was.
CREATE FUNCTION sec.opt_in_reads() RETURNS TABLE (opt_in uuid, times bigint, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := coalesce(sec.administering(), sec.auditing());
BEGIN
    RETURN QUERY
    SELECT o.id, count(*), max(e.at)
      FROM public.log_opt_in o
      JOIN public.access_entry e ON e.rule = 'opt_in' AND e.release_id = o.id
     WHERE mine IN (o.agency_id, o.to_agency_id)
     GROUP BY o.id;
END $$;

-- The months that have a partition of their own, from the last one back without a hole. Asked
-- within them, the log is read month by month, the newest first, and no further than a page needs;
-- what stands elsewhere (permissions/sql/log.sql) is asked beside.
CREATE FUNCTION sec.log_months(OUT begins timestamptz, OUT ends timestamptz)
LANGUAGE sql STABLE AS $$
    WITH month AS (
        SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS first
          FROM pg_catalog.pg_inherits i
          JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.access_entry'::regclass
           AND c.relname ~ '^access_entry_\d{4}_\d{2}$'
    ), counted AS (
        SELECT first, max(first) OVER () AS last, row_number() OVER (ORDER BY first DESC) AS nth
          FROM month
    )
    SELECT min(first) AT TIME ZONE 'UTC', (max(first) + interval '1 month') AT TIME ZONE 'UTC'
      FROM counted WHERE first = last - make_interval(months => nth::int - 1)
$$;

-- Who asks: a member, or a client that names nobody.
CREATE FUNCTION sec.reader() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN coalesce(me.member_id, me.client_id);
END $$;
-- Whether an entry is of a referral that bars the reader (R12; `hidden`: sec.barred_from(), of
-- referrals/sql/blocks.sql), and is not of what she did herself. As the policy there says it.
CREATE FUNCTION sec.kept_from(herself uuid, hidden uuid[], e access_entry) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(e.member_id, e.client_id) IS DISTINCT FROM herself
       AND ((e.referral_id = ANY (hidden)) IS TRUE OR (e.referral_ids && hidden) IS TRUE)
$$;

-- In whose lists a referral stood, of the caller's own agency: a list is one entry with all its
-- ids, and an array is not asked under a policy without reading every row.
CREATE FUNCTION sec.listings(r uuid)
RETURNS TABLE (member_id uuid, client_id uuid, times bigint, first_at timestamptz,
               last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    hidden uuid[] := sec.barred_from();
BEGIN
    RETURN QUERY
    SELECT e.member_id, e.client_id, count(*), min(e.at), max(e.at)
      FROM public.access_entry e
     WHERE e.referral_ids @> ARRAY[r] AND e.agency_id = mine AND NOT r = ANY (hidden)
     GROUP BY e.member_id, e.client_id ORDER BY max(e.at) DESC;
END $$;

-- The partner systems of the caller's own agency by name, as its entries know them by id.
CREATE FUNCTION sec.systems() RETURNS TABLE (client_id uuid, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
BEGIN
    RETURN QUERY
    SELECT k.id, k.name::text FROM public.permissions_client k WHERE k.agency_id = mine;
END $$;

-- How many entries of each kind: of the caller's own agency; for an oversight auditor of every
-- agency, and of callers whom nobody knows. Numbers alone; without what the log keeps from a caller
-- whom a referral bars (R12), for it would show as a difference.
CREATE FUNCTION sec.log_counts(since timestamptz, until timestamptz)
RETURNS TABLE (agency_id uuid, act text, decision text, rule text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    network boolean := sec.overseeing() IS NOT NULL;
    hidden uuid[] := sec.barred_from();
    herself uuid := sec.reader();
BEGIN
    IF mine IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT e.agency_id, e.act, e.decision, CASE WHEN e.decision = 'refused' THEN e.rule END,
           count(*)
      FROM public.access_entry e
     WHERE e.at >= since AND e.at < until AND (network OR e.agency_id = mine)
       AND NOT sec.kept_from(herself, hidden, e)
     GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS LAST, 2, 3, 4;
END $$;

-- The newest checkpoint, how many entries wait for theirs (counted up to 10,000) and since when,
-- what a restored backup had lost, as it was signed, and how the worker last found the log.
-- `restored`: the server counts transactions that the newest checkpoint says are over, so that the
-- database is of a backup, nothing is sealed, and `manage.py seals restore` was forgotten.
CREATE INDEX log_checkpoint_gap ON log_checkpoint (seq) WHERE body LIKE '{"gap"%';
CREATE FUNCTION sec.seal_status(
    OUT seq bigint, OUT size bigint, OUT body text, OUT key_id text, OUT waiting bigint,
    OUT waiting_since timestamptz, OUT restored boolean, OUT gaps text[], OUT watched jsonb
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    since bigint;
BEGIN
    IF sec.auditing() IS NULL THEN
        RETURN;
    END IF;
    SELECT c.seq, c.size, c.body, c.key_id, c.xact_before INTO seq, size, body, key_id, since
      FROM public.log_checkpoint c ORDER BY c.seq DESC LIMIT 1;
    SELECT count(*), min(one.at) INTO waiting, waiting_since FROM (
        SELECT e.at FROM public.access_entry e
         WHERE e.xact >= coalesce(since, 0)
           AND NOT EXISTS (SELECT FROM public.log_leaf l WHERE l.entry_id = e.id)
         LIMIT 10000) one;
    restored := coalesce(
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint < since, false);
    watched := (SELECT jsonb_object_agg(w.what, to_jsonb(w)) FROM public.log_watch w);
    gaps := ARRAY(SELECT c.body FROM public.log_checkpoint c
                   WHERE c.body LIKE '{"gap"%' ORDER BY c.seq);
END $$;

-- The checkpoints that let a month go whose time was over (permissions/retiring.py).
CREATE INDEX log_checkpoint_retired ON log_checkpoint (seq) WHERE body LIKE '%"retired":{%';
CREATE FUNCTION sec.retiring() RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF sec.auditing() IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT c.seq FROM public.log_checkpoint c
                  WHERE c.body LIKE '%"retired":{%' ORDER BY c.seq);
END $$;

-- One checkpoint with the leaves of its batch as they were sealed, and as they come out of the
-- entries that are there now; NULL where an entry is gone, with the month that it was of. Hashes
-- alone, whosever the entries are. Of a batch of more than `most` entries, what was sealed alone.
CREATE FUNCTION sec.batch_now(which bigint, most bigint)
RETURNS TABLE (first bigint, size bigint, body text, key_id text, signature bytea,
               sealed bytea[], found bytea[], months text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    c public.log_checkpoint;
    earliest timestamptz;
    latest timestamptz;
BEGIN
    IF sec.auditing() IS NULL THEN
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
           array_agg(CASE WHEN e.id IS NOT NULL THEN sec.leaf(e) END ORDER BY l.position),
           array_agg(to_char(l.entry_at AT TIME ZONE 'UTC', 'YYYY-MM') ORDER BY l.position)
      FROM public.log_leaf l
      LEFT JOIN public.access_entry e ON e.id = l.entry_id AND e.at = l.entry_at
            AND e.at >= earliest AND e.at <= latest
     WHERE l.position >= c.first AND l.position < c.size;
END $$;

-- Entries of the transactions of these checkpoints that have no place among what is sealed: put in
-- afterwards. At most `most`; which they are, and their text, of the caller's own agency alone. Each
-- is looked up by itself, so that the planner reads no more than these transactions' entries.
CREATE FUNCTION sec.put_in(first_seq bigint, last_seq bigint, most bigint)
RETURNS TABLE (id uuid, entry text) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    hidden uuid[] := sec.barred_from();
    herself uuid := sec.reader();
    newest public.log_checkpoint;
    since bigint;
    until bigint;
BEGIN
    IF mine IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO newest FROM public.log_checkpoint c ORDER BY c.seq DESC LIMIT 1;
    since := coalesce((SELECT c.xact_before FROM public.log_checkpoint c
                        WHERE c.seq < first_seq ORDER BY c.seq DESC LIMIT 1), -9223372036854775807);
    until := (SELECT c.xact_before FROM public.log_checkpoint c WHERE c.seq = last_seq);
    RETURN QUERY
    SELECT CASE WHEN e.agency_id = mine AND NOT sec.kept_from(herself, hidden, e) THEN e.id END,
           CASE WHEN e.agency_id = mine AND NOT sec.kept_from(herself, hidden, e)
                THEN sec.leaf_text(e) END
      FROM public.access_entry e
     WHERE e.xact >= since AND e.xact < least(until, newest.xact_before)
       AND coalesce((SELECT l.position FROM public.log_leaf l
                      WHERE l.entry_id = e.id AND l.entry_at = e.at), newest.size) >= newest.size
     LIMIT most;
END $$;

-- The places from `since` to before `until` as lines for the verifier: an entry of the caller's own
-- agency as it stands there; of any other its leaf, which tells no more than the checkpoint over it:
-- that something was done in that second; of one that is gone, its leaf and its month.
CREATE FUNCTION sec.sealed_lines(since bigint, until bigint)
RETURNS TABLE (place bigint, line text) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    hidden uuid[] := sec.barred_from();
    herself uuid := sec.reader();
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
               WHEN e.agency_id = mine AND NOT sec.kept_from(herself, hidden, e)
                   THEN ' ' || sec.leaf_text(e)
               WHEN e.id IS NOT NULL THEN ' ~'
               ELSE ' - ' || encode(l.leaf, 'hex') || ' '
                    || to_char(l.entry_at AT TIME ZONE 'UTC', 'YYYY-MM') END
      FROM public.log_leaf l
      LEFT JOIN public.access_entry e ON e.id = l.entry_id AND e.at = l.entry_at
            AND e.at >= earliest AND e.at <= latest
     WHERE l.position >= since AND l.position < until ORDER BY l.position;
END $$;

REVOKE ALL ON FUNCTION sec.overseeing(), sec.oversees(uuid), sec.opted_in(), sec.log_months(),
    sec.opt_in_reads(), sec.listings(uuid), sec.systems(), sec.reader(),
    sec.kept_from(uuid, uuid[], access_entry),
    sec.log_counts(timestamptz, timestamptz), sec.seal_status(), sec.retiring(),
    sec.batch_now(bigint, bigint), sec.put_in(bigint, bigint, bigint),
    sec.sealed_lines(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.overseeing(), sec.opted_in(), sec.log_months(), sec.listings(uuid),
    sec.systems(), sec.reader(), sec.log_counts(timestamptz, timestamptz), sec.seal_status(), sec.retiring(),
    sec.batch_now(bigint, bigint), sec.put_in(bigint, bigint, bigint),
    sec.sealed_lines(bigint, bigint) TO auditor;
GRANT EXECUTE ON FUNCTION sec.oversees(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.opt_in_reads() TO app, auditor;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.overseeing() OWNER TO gate;
ALTER FUNCTION sec.oversees(uuid) OWNER TO gate;
ALTER FUNCTION sec.opted_in() OWNER TO gate;
ALTER FUNCTION sec.opt_in_reads() OWNER TO gate;
ALTER FUNCTION sec.listings(uuid) OWNER TO gate;
ALTER FUNCTION sec.systems() OWNER TO gate;
ALTER FUNCTION sec.log_counts(timestamptz, timestamptz) OWNER TO gate;
ALTER FUNCTION sec.reader() OWNER TO gate;
ALTER FUNCTION sec.kept_from(uuid, uuid[], access_entry) OWNER TO gate;
ALTER FUNCTION sec.seal_status() OWNER TO gate;
ALTER FUNCTION sec.retiring() OWNER TO gate;
ALTER FUNCTION sec.batch_now(bigint, bigint) OWNER TO gate;
ALTER FUNCTION sec.put_in(bigint, bigint, bigint) OWNER TO gate;
ALTER FUNCTION sec.sealed_lines(bigint, bigint) OWNER TO gate;
