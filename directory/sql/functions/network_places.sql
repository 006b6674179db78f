-- as: definer
-- Search among confidential entries.

-- Confidential entries that have these words (in their names, or only elsewhere), needs and facets;
-- at most `most`. A NULL argument matches everything. Row security lets no index answer `@@` and
-- `@>`, which are not leakproof; `definer` may use them, and this checks the caller first.
CREATE FUNCTION sec.search_network_places(
    words tsquery, in_names boolean, needs uuid[], facets text[], at_place boolean, most integer
) RETURNS SETOF directory_network_place
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100 AS $$
DECLARE
    wanted text := CASE WHEN at_place THEN 'p.location_id IS NOT NULL' ELSE 'p.first' END;
BEGIN
    IF sec.is_in_network() THEN
        IF words IS NOT NULL THEN
            wanted := wanted || CASE WHEN in_names THEN ' AND p.named @@ $1'
                                     ELSE ' AND p.search @@ $1 AND NOT p.named @@ $1' END;
        END IF;
        IF needs IS NOT NULL THEN
            wanted := wanted || ' AND p.taxonomy_term_ids @> $2';
        END IF;
        IF facets IS NOT NULL THEN
            wanted := wanted || ' AND p.facets @> $3';
        END IF;
        RETURN QUERY EXECUTE
            'SELECT p.* FROM public.directory_network_place p WHERE p.open AND ' || wanted
            || ' LIMIT $4' USING words, needs, facets, most;
    END IF;
END $$;

REVOKE ALL ON FUNCTION
    sec.search_network_places(tsquery, boolean, uuid[], text[], boolean, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.search_network_places(tsquery, boolean, uuid[], text[], boolean, int) TO app;
