-- as: gate
-- The proof that an entry of the access log is sealed.

-- The batch in which an entry was sealed, for its inclusion proof: the batch's leaves and the
-- entry's place among them. Another agency's entry and an unsealed one return nothing. `entry`, the
-- text whose hash is the leaf, is given to the member or system that the entry names and to their
-- agency's auditor. If the entry no longer matches its sealed leaf, its agency is unknown: a caller
-- who has the id learns only that (`state`: changed, gone, or retired with its month).
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
