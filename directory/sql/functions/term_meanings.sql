-- as: definer
-- What the coordinator says that the terms of sources mean (directory/taxonomy/term_meanings.py).
-- A meaning changes what every agency's entries are found by, so no agency's editor says it.

CREATE FUNCTION sec.may_say_what_terms_mean() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN me.client_id IS NULL AND coalesce('coordinator' = ANY (me.roles), false);
END $$;

-- One page of the terms with this answer, the most used first, from the place after the given one;
-- or the one term. Nothing for anyone but the coordinator.
CREATE FUNCTION sec.term_meanings(
    wanted text, after_services integer, after_id uuid, one uuid, most integer
) RETURNS TABLE (
    id uuid, source text, name text, services integer, means text[], score double precision,
    answer text, chosen text[], changes integer, due boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF NOT sec.may_say_what_terms_mean() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT t.id, t.source, t.name, t.services, t.means, t.score, t.answer, t.chosen, t.changes,
           t.due
      FROM public.directory_term_meaning t
     WHERE CASE WHEN one IS NOT NULL THEN t.id = one
                ELSE t.answer = wanted AND (
                    after_id IS NULL OR (t.services, t.id) < (after_services, after_id)) END
     ORDER BY t.services DESC, t.id DESC LIMIT most;
END $$;

-- Store the coordinator's answer to a term as they saw it (`seen`: its number of changes). Returns
-- 'kept', also for the same answer again; 'changed' if it was answered meanwhile; 'hidden' to
-- anyone else, and for a term that there is not.
CREATE FUNCTION sec.answer_term(term uuid, seen integer, said text, meant text[]) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    present public.directory_term_meaning;
BEGIN
    IF NOT sec.may_say_what_terms_mean() THEN
        RETURN 'hidden';
    END IF;
    SELECT * INTO present FROM public.directory_term_meaning t WHERE t.id = term FOR UPDATE;
    IF present.id IS NULL THEN
        RETURN 'hidden';
    ELSIF present.answer = said AND present.chosen = meant THEN
        RETURN 'kept';
    ELSIF present.changes <> seen THEN
        RETURN 'changed';
    END IF;
    UPDATE public.directory_term_meaning t
       SET answer = said, chosen = meant, changes = t.changes + 1,
           answered_by = me.member_id, answered_at = sec.clock(),
           due = t.due OR t.chosen <> meant, rendered_to = NULL
     WHERE t.id = term;
    RETURN 'kept';
END $$;

REVOKE ALL ON FUNCTION sec.may_say_what_terms_mean(),
    sec.term_meanings(text, integer, uuid, uuid, integer),
    sec.answer_term(uuid, integer, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.term_meanings(text, integer, uuid, uuid, integer),
    sec.answer_term(uuid, integer, text, text[]) TO app;
