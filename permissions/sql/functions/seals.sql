-- as: definer
-- What is given of a sealed entry: its text for a receipt, to the caller whose entry it is, and to
-- auditors the proof. A batch's size, an entry's position and a checkpoint tell how much all
-- agencies do: no member learns them. An entry's transaction number counts what everyone writes,
-- and its leaf gives the number away to a caller who has the rest of the text and tries them all.

-- Where an entry was sealed first, whose ever it is. No row: nowhere. `state`: sealed; gone, also
-- if its checkpoint is; changed; retired with its month. If the entry no longer matches its sealed
-- leaf, `e` is null: its agency and member are unknown.
CREATE FUNCTION sec.seal_of(
    id uuid, OUT state text, OUT e public.access_entry, OUT c public.log_checkpoint,
    OUT leaf_position bigint
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    sealed public.log_leaf;
BEGIN
    SELECT * INTO sealed FROM public.log_leaf l WHERE l.entry_id = seal_of.id
     ORDER BY l.position LIMIT 1;
    IF sealed.entry_id IS NULL THEN
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
    ELSIF sec.entry_leaf(e) <> sealed.leaf THEN
        state := 'changed';
        e := NULL;
    ELSE
        leaf_position := sealed.position;
        -- By its index: the last that begins before it.
        SELECT * INTO c FROM public.log_checkpoint o
         WHERE o.first = (SELECT max(b.first) FROM public.log_checkpoint b
                           WHERE b.first <= sealed.position) AND o.size > sealed.position;
        state := CASE WHEN c.seq IS NULL THEN 'gone' ELSE 'sealed' END;
    END IF;
    RETURN NEXT;
END $$;

-- The sealed entry of the member or system that it names, without its transaction number, and the
-- log's name. Other entries return nothing, as unsealed ones do. A caller who has the id of an
-- entry that was changed or is gone learns only that.
CREATE FUNCTION sec.own_sealed_entry(id uuid, OUT state text, OUT entry text, OUT origin text)
RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    seal record;
    e public.access_entry;
BEGIN
    SELECT * INTO seal FROM sec.seal_of(own_sealed_entry.id);
    IF NOT FOUND OR me.agency_id IS NULL THEN
        RETURN;
    END IF;
    state := seal.state;
    e := seal.e;
    IF e.id IS NOT NULL AND (e.agency_id = me.agency_id AND e.decision = 'allowed'
        AND CASE WHEN me.client_id IS NULL THEN e.member_id = me.member_id
                 ELSE e.client_id = me.client_id END) IS NOT TRUE THEN
        RETURN;
    END IF;
    IF state = 'sealed' THEN
        e.xact := NULL;
        entry := sec.entry_leaf_text(e);
        origin := coalesce(substring((seal.c).body FROM '"origin":"([^"]*)"'), '');
    END IF;
    RETURN NEXT;
END $$;

-- The inclusion proof of an entry of the auditor's own agency: its text, its batch's leaves and its
-- place among them, and the batch's checkpoint. Entries of a referral that bars the auditor return
-- nothing, as another agency's do.
CREATE FUNCTION sec.inclusion_proof(
    id uuid, OUT state text, OUT entry text, OUT place bigint, OUT leaves bytea[], OUT body text,
    OUT key_id text, OUT signature bytea
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    seal record;
    e public.access_entry;
    c public.log_checkpoint;
BEGIN
    SELECT * INTO seal FROM sec.seal_of(inclusion_proof.id);
    IF NOT FOUND OR mine IS NULL THEN
        RETURN;
    END IF;
    state := seal.state;
    e := seal.e;
    c := seal.c;
    IF e.id IS NOT NULL AND (e.agency_id = mine AND NOT sec.is_hidden_from_auditor(
        sec.current_actor_id(), sec.blocked_referral_ids(), e)) IS NOT TRUE THEN
        RETURN;
    END IF;
    IF state = 'sealed' THEN
        entry := sec.entry_leaf_text(e);
        place := seal.leaf_position - c.first;
        leaves := ARRAY(SELECT l.leaf FROM public.log_leaf l
                         WHERE l.position >= c.first AND l.position < c.size
                         ORDER BY l.position);
        body := c.body;
        key_id := c.key_id;
        signature := c.signature;
    END IF;
    RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION sec.seal_of(uuid), sec.own_sealed_entry(uuid), sec.inclusion_proof(uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.own_sealed_entry(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.inclusion_proof(uuid) TO auditor;
