-- as: definer
-- Services that are likely the same, and what the coordinator says of them (directory/duplicates).
-- An answer changes what everyone finds, so no agency's editor gives it.

CREATE FUNCTION sec.may_merge_entries() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN me.client_id IS NULL AND coalesce('coordinator' = ANY (me.roles), false);
END $$;

-- What the page shows of one of the two; nothing of a service that is not public (R4).
CREATE FUNCTION sec.duplicate_side(service uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    side jsonb;
BEGIN
    SELECT jsonb_build_object(
               'id', l.id, 'name', l.name, 'organization', l.organization_name,
               'source', s.source, 'status', l.status, 'phones', l.phones,
               'checked', l.assured_date, 'website', coalesce(nullif(s.url, ''), o.website),
               'answered_by', (SELECT a.name FROM public.permissions_agency a
                                WHERE a.id = s.answered_by_id),
               'addresses', (
                    SELECT coalesce(jsonb_agg(line), '[]') FROM (
                        SELECT concat_ws(', ', nullif(a.address_1, ''), nullif(a.city, ''),
                                         nullif(a.postal_code, '')) AS line
                          FROM public.directory_serviceatlocation x
                          JOIN public.directory_location p
                            ON p.id = x.location_id AND NOT p.confidential
                          JOIN public.directory_address a ON a.location_id = p.id
                         WHERE x.service_id = l.id
                         ORDER BY x.position, x.id, a.position, a.id LIMIT 3) of_it))
      INTO side
      FROM public.directory_listing l
      JOIN public.directory_service s ON s.id = l.id AND NOT s.confidential
      JOIN public.directory_organization o ON o.id = s.organization_id AND NOT o.confidential
     WHERE l.id = service;
    RETURN side;
END $$;

-- One page of the pairs with this answer, the likeliest first, from the place after the given one;
-- or the one pair. A pair of which one is not public is in none. A pair waits for an answer while
-- both are listed. Nothing for anyone but the coordinator.
CREATE FUNCTION sec.duplicates(
    wanted text, after_score double precision, after_id uuid, one uuid, most integer
) RETURNS TABLE (
    id uuid, score double precision, reasons text[], answer text, kept_id uuid, changes integer,
    due boolean, first jsonb, second jsonb
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF NOT sec.may_merge_entries() THEN
        RETURN;
    END IF;
    IF one IS NOT NULL THEN
        RETURN QUERY
        SELECT d.id, d.score, d.reasons, d.answer, d.kept_id, d.changes, d.due, f.side, s.side
          FROM public.directory_duplicate d
         CROSS JOIN LATERAL sec.duplicate_side(d.first_id) f (side)
         CROSS JOIN LATERAL sec.duplicate_side(d.second_id) s (side)
         WHERE d.id = one AND f.side IS NOT NULL AND s.side IS NOT NULL;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.id, d.score, d.reasons, d.answer, d.kept_id, d.changes, d.due, f.side, s.side
      FROM public.directory_duplicate d
     CROSS JOIN LATERAL sec.duplicate_side(d.first_id) f (side)
     CROSS JOIN LATERAL sec.duplicate_side(d.second_id) s (side)
     WHERE d.answer = wanted AND f.side IS NOT NULL AND s.side IS NOT NULL
       AND (d.score, d.id) < (coalesce(after_score, 2),
                              coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
       AND (wanted <> '' OR d.due
            OR f.side ->> 'status' IN ('active', 'temporarily closed')
               AND s.side ->> 'status' IN ('active', 'temporarily closed'))
     ORDER BY d.score DESC, d.id DESC LIMIT most;
END $$;

-- Store the coordinator's answer to a pair as they saw it (`seen`: its number of changes). `kept`:
-- which of the two is shown from now on. Returns 'kept', also for the same answer again; 'changed'
-- if it was answered meanwhile, if one of the two was hidden behind another one meanwhile, or if an
-- agency answers the one that would be hidden; 'hidden' to anyone else, and for a pair that there
-- is not or of which one is not public.
CREATE FUNCTION sec.answer_duplicate(pair uuid, seen integer, said text, kept uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    present public.directory_duplicate;
    other uuid;
BEGIN
    IF NOT sec.may_merge_entries() THEN
        RETURN 'hidden';
    END IF;
    -- One answer at a time: two of them must not hide each other's services in a circle.
    PERFORM pg_advisory_xact_lock(7025, 0);
    SELECT * INTO present FROM public.directory_duplicate d WHERE d.id = pair FOR UPDATE;
    IF present.id IS NULL OR sec.duplicate_side(present.first_id) IS NULL
            OR sec.duplicate_side(present.second_id) IS NULL THEN
        RETURN 'hidden';
    ELSIF present.answer = said AND present.kept_id IS NOT DISTINCT FROM kept THEN
        RETURN 'kept';
    ELSIF present.changes <> seen THEN
        RETURN 'changed';
    END IF;
    IF said = 'same' THEN
        other := CASE kept WHEN present.first_id THEN present.second_id
                           WHEN present.second_id THEN present.first_id END;
        IF other IS NULL
            OR EXISTS (SELECT FROM public.directory_service s
                        WHERE s.id = other AND s.answered_by_id IS NOT NULL)
            OR EXISTS (SELECT FROM public.directory_duplicate d
                        WHERE d.id <> pair AND d.answer = 'same'
                          AND (d.first_id IN (kept, other) AND d.kept_id = d.second_id
                               OR d.second_id IN (kept, other) AND d.kept_id = d.first_id)) THEN
            RETURN 'changed';
        END IF;
    END IF;
    UPDATE public.directory_duplicate d
       SET answer = said, kept_id = kept, changes = d.changes + 1, answered_by = me.member_id,
           answered_at = sec.clock(),
           due = d.due OR said = 'same' OR present.answer = 'same' OR d.hidden_id IS NOT NULL
     WHERE d.id = pair;
    RETURN 'kept';
END $$;

REVOKE ALL ON FUNCTION sec.may_merge_entries(), sec.duplicate_side(uuid),
    sec.duplicates(text, double precision, uuid, uuid, integer),
    sec.answer_duplicate(uuid, integer, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.duplicates(text, double precision, uuid, uuid, integer),
    sec.answer_duplicate(uuid, integer, text, uuid) TO app;
