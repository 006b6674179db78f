-- The seals of the access log: which entries stand in which place, and the signed checkpoints over
-- them. What the owner of the database changes later no longer fits what was signed, and what was
-- signed is held by others too. Written by the role `sealer` alone; permissions/sealer.py.

-- Entries in their sealed order. `entry_at` finds the entry's partition, and tells entries of one
-- id apart: the id is the writer's own word, so that an injected query could give it twice.
CREATE TABLE log_leaf (
    position bigint PRIMARY KEY CHECK (position >= 0),
    entry_id uuid NOT NULL,
    entry_at timestamptz NOT NULL,
    leaf bytea NOT NULL,
    UNIQUE (entry_id, entry_at)
);
-- A batch of them, and what was signed of it. Every entry of a transaction before `xact_before` is
-- sealed; `body` is the signed text, byte for byte.
CREATE TABLE log_checkpoint (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    first bigint NOT NULL,
    size bigint NOT NULL,
    xact_before bigint NOT NULL,
    body text NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);
CREATE INDEX log_checkpoint_first ON log_checkpoint (first);

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['log_leaf', 'log_checkpoint'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I'
                       ' FOR EACH ROW EXECUTE FUNCTION sec.log_is_append_only()', relation);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION sec.log_is_append_only()', relation);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_truncate', relation);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO sealer', relation);
        EXECUTE format('GRANT SELECT ON %I TO gate', relation);
        EXECUTE format('CREATE POLICY sealer_seals ON %I TO sealer USING (true) WITH CHECK (true)',
                       relation);
        EXECUTE format('CREATE POLICY gate_reads ON %I FOR SELECT TO gate USING (true)', relation);
    END LOOP;
END $$;

-- How the background work last found the log, for auditors to be told (sec.seal_status): what the
-- witness holds; up to where what is new was checked, and the round over what is older. `faults`
-- stay until all of the log was checked and none was found.
CREATE TABLE log_watch (
    what text PRIMARY KEY,
    seq bigint NOT NULL DEFAULT 0,
    at timestamptz,
    faults bigint NOT NULL DEFAULT 0,
    first_fault text
);
INSERT INTO log_watch (what) VALUES ('witness'), ('new'), ('again');
ALTER TABLE log_watch ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_watch FORCE ROW LEVEL SECURITY;
GRANT SELECT, UPDATE (seq, at, faults, first_fault) ON log_watch TO sealer;
GRANT SELECT ON log_watch TO gate;
CREATE POLICY sealer_watches ON log_watch TO sealer USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON log_watch FOR SELECT TO gate USING (true);

-- A checkpoint holds numbers and hashes of the whole network: for auditors and for witnesses
-- (clients with audit:read), since how much is done in a night is not everybody's to know.
GRANT SELECT ON log_checkpoint TO auditor;
CREATE POLICY auditors_read ON log_checkpoint FOR SELECT TO auditor
    USING ((SELECT sec.auditing()) IS NOT NULL);

-- The batch that an entry was sealed in, for the proof of its inclusion: the leaves of the batch,
-- and which of them it is. Only of the caller's own agency's entries; of any other, and of one that
-- is not sealed yet, nothing. `entry`, the text that its leaf is the hash of, is for whoever may
-- read it: the member or system whose it is, and her agency's auditor. Where the entry no longer
-- gives the leaf that was sealed, whose it was is not known any more: whoever holds its id is told
-- that alone (`state`: changed, gone, or retired with its month).
CREATE FUNCTION sec.sealed_batch(
    id uuid, OUT state text, OUT entry text, OUT place bigint, OUT leaves bytea[], OUT body text,
    OUT key_id text, OUT signature bytea
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    sealed public.log_leaf;
    e public.access_entry;
    c public.log_checkpoint;
BEGIN
    SELECT * INTO sealed FROM public.log_leaf l WHERE l.entry_id = sealed_batch.id
     ORDER BY l.position LIMIT 1;
    IF sealed.entry_id IS NULL OR me.agency_id IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO e FROM public.access_entry a
     WHERE a.id = sealed.entry_id AND a.at = sealed.entry_at;
    IF e.id IS NULL THEN
        state := CASE WHEN EXISTS (
            SELECT FROM public.log_checkpoint r
             WHERE r.body LIKE '%"retired":{%' AND r.body::jsonb -> 'retired' ->> 'month'
                   = to_char(sealed.entry_at AT TIME ZONE 'UTC', 'YYYY-MM'))
            THEN 'retired' ELSE 'gone' END;
    ELSIF sec.leaf(e) <> sealed.leaf THEN
        state := 'changed';
    ELSIF e.agency_id = me.agency_id THEN
        state := 'sealed';
        IF (e.agency_id = sec.auditing()
            AND NOT sec.kept_from(sec.reader(), sec.barred_from(), e)) OR (
            e.decision = 'allowed' AND CASE WHEN me.client_id IS NULL
                THEN e.member_id = me.member_id ELSE e.client_id = me.client_id END) THEN
            entry := sec.leaf_text(e);
        END IF;
        -- By its index: the last that begins before it.
        SELECT * INTO c FROM public.log_checkpoint o
         WHERE o.first = (SELECT max(b.first) FROM public.log_checkpoint b
                           WHERE b.first <= sealed.position) AND o.size > sealed.position;
        IF c.seq IS NULL THEN
            state := 'gone';  -- its checkpoint is
        ELSE
            place := sealed.position - c.first;
            leaves := ARRAY(SELECT l.leaf FROM public.log_leaf l
                             WHERE l.position >= c.first AND l.position < c.size
                             ORDER BY l.position);
            body := c.body;
            key_id := c.key_id;
            signature := c.signature;
        END IF;
    ELSE
        RETURN;
    END IF;
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION sec.sealed_batch(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.sealed_batch(uuid) TO app, auditor;
ALTER FUNCTION sec.sealed_batch(uuid) OWNER TO gate;
