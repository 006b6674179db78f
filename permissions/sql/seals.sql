-- The seals of the access log: which entries stand in which place, and the signed checkpoints over
-- them. What the owner of the database changes later no longer fits what was signed, and what was
-- signed is held by others too. Written by the role `sealer` alone; permissions/sealer.py.

-- Entries in their sealed order. `entry_at` finds the entry's partition.
CREATE TABLE log_leaf (
    position bigint PRIMARY KEY CHECK (position >= 0),
    entry_id uuid NOT NULL UNIQUE,
    entry_at timestamptz NOT NULL,
    leaf bytea NOT NULL
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

-- A checkpoint holds numbers and hashes of the whole network: for auditors and for witnesses
-- (clients with audit:read), since how much is done in a night is not everybody's to know.
GRANT SELECT ON log_checkpoint TO auditor;
CREATE POLICY auditors_read ON log_checkpoint FOR SELECT TO auditor
    USING ((SELECT sec.auditing()) IS NOT NULL);

-- The batch that an entry was sealed in, for the proof of its inclusion: the leaves of the batch,
-- and which of them it is. Only of the caller's own agency's entries; of any other, and of one that
-- is not sealed yet, nothing.
CREATE FUNCTION sec.sealed_batch(entry uuid)
RETURNS TABLE (place bigint, leaves bytea[], body text, key_id text, signature bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.caller();
    sealed record;
BEGIN
    SELECT l.position, c.first, c.size, c.body, c.key_id, c.signature INTO sealed
      FROM public.log_leaf l
      JOIN public.access_entry e ON e.id = l.entry_id AND e.at = l.entry_at
      JOIN public.log_checkpoint c ON c.first = (  -- by its index: the last that begins before it
           SELECT max(b.first) FROM public.log_checkpoint b WHERE b.first <= l.position)
       AND c.size > l.position
     WHERE l.entry_id = entry AND e.agency_id = mine;
    IF FOUND THEN
        RETURN QUERY
        SELECT sealed.position - sealed.first,
               ARRAY(SELECT l.leaf FROM public.log_leaf l
                      WHERE l.position >= sealed.first AND l.position < sealed.size
                      ORDER BY l.position),
               sealed.body, sealed.key_id, sealed.signature;
    END IF;
END $$;
REVOKE ALL ON FUNCTION sec.sealed_batch(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.sealed_batch(uuid) TO app, auditor;
ALTER FUNCTION sec.sealed_batch(uuid) OWNER TO gate;
