-- as: definer
-- The network's trainings (directory/trainings/trainings.py): the coordinator keeps all of them,
-- and a lead those of their own agency. Nothing of a referral is here, and nothing here is of a
-- referral.

-- Whether the caller keeps the trainings of this agency, which is live. In person: no system does.
CREATE FUNCTION sec.may_keep_trainings_of(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN me.client_id IS NULL
       AND coalesce('coordinator' = ANY (me.roles)
                    OR ('lead' = ANY (me.roles) AND me.agency_id = agency), false)
       AND EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = agency AND a.exercise_id IS NULL);
END $$;

-- Whose trainings the caller is shown: every agency's, one agency's, or none. Always one row.
CREATE FUNCTION sec.shown_trainings(OUT all_of_them boolean, OUT mine uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    all_of_them := me.client_id IS NULL AND coalesce('coordinator' = ANY (me.roles), false);
    IF me.client_id IS NULL AND 'lead' = ANY (me.roles) THEN
        mine := me.agency_id;
    END IF;
END $$;

-- One page of the trainings of these days (both included) and this sector ('': any), the newest
-- first, from the place after the given one; or the one training.
CREATE FUNCTION sec.trainings(
    since date, until date, wanted text, after_day date, after_id uuid, one uuid, most integer
) RETURNS TABLE (
    id uuid, agency_id uuid, agency text, held_on date, audience text, sector text, topic text,
    heads integer, title text, changes integer
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    shown record := sec.shown_trainings();
BEGIN
    RETURN QUERY
    SELECT t.id, t.agency_id, a.name, t.held_on, t.audience, t.sector, t.topic, t.heads, t.title,
           t.changes
      FROM public.directory_training t
      JOIN public.permissions_agency a ON a.id = t.agency_id
     WHERE (shown.all_of_them OR t.agency_id = shown.mine)
       AND (one IS NULL OR t.id = one)
       AND (since IS NULL OR t.held_on >= since)
       AND (until IS NULL OR t.held_on <= until)
       AND (wanted = '' OR t.sector = wanted)
       AND (after_id IS NULL OR (t.held_on, t.id) < (after_day, after_id))
     ORDER BY t.held_on DESC, t.id DESC LIMIT most;
END $$;

-- How many these are, and how many people were taught.
CREATE FUNCTION sec.training_totals(
    since date, until date, wanted text, OUT trainings bigint, OUT people bigint
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    shown record := sec.shown_trainings();
BEGIN
    SELECT count(*), coalesce(sum(t.heads), 0) INTO trainings, people
      FROM public.directory_training t
     WHERE (shown.all_of_them OR t.agency_id = shown.mine)
       AND (since IS NULL OR t.held_on >= since)
       AND (until IS NULL OR t.held_on <= until)
       AND (wanted = '' OR t.sector = wanted);
END $$;

-- The same by month, of the caller's own.
CREATE FUNCTION sec.trainings_by_month(since date, until date)
RETURNS TABLE (month date, trainings bigint, people bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    shown record := sec.shown_trainings();
BEGIN
    RETURN QUERY
    SELECT date_trunc('month', t.held_on)::date, count(*), sum(t.heads)
      FROM public.directory_training t
     WHERE (shown.all_of_them OR t.agency_id = shown.mine)
       AND t.held_on >= since AND t.held_on < until
     GROUP BY 1 ORDER BY 1;
END $$;

-- The same of a lead's own agency, by what was taught to whom.
CREATE FUNCTION sec.own_training_counts(since date, until date)
RETURNS TABLE (audience text, sector text, topic text, trainings bigint, people bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    mine uuid := (SELECT shown.mine FROM sec.shown_trainings() shown);
BEGIN
    RETURN QUERY
    SELECT t.audience, t.sector, t.topic, count(*), sum(t.heads)
      FROM public.directory_training t
     WHERE t.agency_id = mine AND t.held_on >= since AND t.held_on < until
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
END $$;

-- All of them of the year that begins on this day, to be published.
CREATE FUNCTION sec.trainings_of_year(begins date, OUT number integer, OUT people integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    SELECT count(*), coalesce(sum(t.heads), 0) INTO number, people
      FROM public.directory_training t
     WHERE t.held_on >= begins AND t.held_on < begins + interval '1 year';
END $$;

-- Store a training under this id, or change the one that is there, as the caller saw it (`seen`:
-- its number of changes; NULL: it is new). Returns 'kept', also for the same again; 'changed' if it
-- was changed meanwhile; 'hidden' for one that there is not or that is not the caller's to keep,
-- before and after.
CREATE FUNCTION sec.store_training(
    training uuid, seen integer, agency uuid, day date, audience text, sector text, topic text,
    heads integer, title text
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
DECLARE
    present public.directory_training;
BEGIN
    IF NOT sec.may_keep_trainings_of(agency) THEN
        RETURN 'hidden';
    END IF;
    IF seen IS NULL THEN
        INSERT INTO public.directory_training
               (id, agency_id, held_on, audience, sector, topic, heads, title, changes)
        VALUES (training, agency, day, audience, sector, topic, heads, title, 0)
        ON CONFLICT (id) DO NOTHING;
        IF FOUND THEN
            RETURN 'kept';
        END IF;
    END IF;
    SELECT * INTO present FROM public.directory_training t WHERE t.id = training FOR UPDATE;
    IF present.id IS NULL OR NOT sec.may_keep_trainings_of(present.agency_id) THEN
        RETURN 'hidden';
    ELSIF (present.agency_id, present.held_on, present.audience, present.sector, present.topic,
           present.heads, present.title)
        = (agency, day, audience, sector, topic, heads, title) THEN
        RETURN 'kept';
    ELSIF present.changes IS DISTINCT FROM seen THEN
        RETURN 'changed';
    END IF;
    UPDATE public.directory_training t
       SET agency_id = agency, held_on = day, audience = audience, sector = sector, topic = topic,
           heads = heads, title = title, changes = t.changes + 1
     WHERE t.id = training;
    RETURN 'kept';
END $$;

-- Delete a training as the caller saw it. Returns the same words.
CREATE FUNCTION sec.delete_training(training uuid, seen integer) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    present public.directory_training;
BEGIN
    SELECT * INTO present FROM public.directory_training t WHERE t.id = training FOR UPDATE;
    IF present.id IS NULL OR NOT sec.may_keep_trainings_of(present.agency_id) THEN
        RETURN 'hidden';
    ELSIF present.changes IS DISTINCT FROM seen THEN
        RETURN 'changed';
    END IF;
    DELETE FROM public.directory_training t WHERE t.id = training;
    RETURN 'kept';
END $$;

REVOKE ALL ON FUNCTION sec.may_keep_trainings_of(uuid), sec.shown_trainings(),
    sec.trainings(date, date, text, date, uuid, uuid, integer),
    sec.training_totals(date, date, text), sec.trainings_by_month(date, date),
    sec.own_training_counts(date, date), sec.trainings_of_year(date),
    sec.store_training(uuid, integer, uuid, date, text, text, text, integer, text),
    sec.delete_training(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.trainings(date, date, text, date, uuid, uuid, integer),
    sec.training_totals(date, date, text), sec.trainings_by_month(date, date),
    sec.own_training_counts(date, date),
    sec.store_training(uuid, integer, uuid, date, text, text, text, integer, text),
    sec.delete_training(uuid, integer) TO app;
