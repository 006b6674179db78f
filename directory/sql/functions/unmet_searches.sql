-- as: definer
-- Searches that found nothing.

-- Count a search that found nothing: codes, area and month. Anyone who searches may add one; no
-- searcher reads them.
CREATE FUNCTION sec.count_unmet_search(new_id uuid, codes text[], area text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.directory_unmet_search AS u (id, month, codes, area, count)
    VALUES (new_id, date_trunc('month', sec.clock())::date, count_unmet_search.codes,
        count_unmet_search.area, 1)
    ON CONFLICT ON CONSTRAINT unmet_once_a_month DO UPDATE SET count = u.count + 1;
END $$;

REVOKE ALL ON FUNCTION sec.count_unmet_search(uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.count_unmet_search(uuid, text[], text) TO app;
