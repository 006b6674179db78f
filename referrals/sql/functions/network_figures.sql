-- as: definer
-- The figures of the network, in bands (ADR 0144): the coordinator reads all that are made and
-- publishes those of a year. What is published is for everyone, and does not change.

-- Whether the caller is the coordinator, in person, and not in practice.
CREATE FUNCTION sec.is_coordinator() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN me.client_id IS NULL AND coalesce('coordinator' = ANY (me.roles), false)
       AND EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = me.agency_id AND a.exercise_id IS NULL);
END $$;

-- The content without the agencies that do not agree any longer to be named.
CREATE FUNCTION sec.agreed_content(content jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN content || jsonb_build_object('agencies', coalesce((
        SELECT jsonb_agg(named ORDER BY place)
          FROM jsonb_array_elements(content -> 'agencies') WITH ORDINALITY AS n (named, place)
         WHERE EXISTS (SELECT FROM public.figures_agreement g
                         JOIN public.permissions_agency a ON a.id = g.agency_id AND a.active
                        WHERE g.agency_id = (named ->> 'id')::uuid AND g.ended_at IS NULL)),
        '[]'::jsonb));
END $$;

-- All that are made, for the coordinator; else those that are published.
CREATE FUNCTION sec.network_figures(published_only boolean)
RETURNS TABLE (period text, content jsonb, made_at timestamptz, published_at timestamptz,
               trainings integer, people integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
BEGIN
    IF NOT published_only AND NOT sec.is_coordinator() THEN
        RAISE EXCEPTION 'no such figures' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    SELECT f.period,
           CASE WHEN f.published_at IS NULL THEN sec.agreed_content(f.content) ELSE f.content END,
           f.made_at, f.published_at, f.trainings, f.people_trained
      FROM public.network_figures f
     WHERE NOT published_only OR f.published_at IS NOT NULL
     ORDER BY f.begins DESC, f.months DESC;
END $$;

-- Publish the figures of a year, with the trainings of it as they are entered now. Returns whether
-- there are such figures; a second time changes nothing.
CREATE FUNCTION sec.publish_figures(year text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    f public.network_figures;
    taught record;
BEGIN
    IF NOT sec.is_coordinator() THEN
        RAISE EXCEPTION 'no such figures' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO f FROM public.network_figures n
     WHERE n.period = year AND n.months = 12 FOR UPDATE;
    IF f.id IS NOT NULL AND f.published_at IS NULL THEN
        SELECT * INTO taught FROM sec.trainings_of_year(f.begins);
        UPDATE public.network_figures n
           SET published_at = sec.clock(), published_by = me.member_id,
               content = sec.agreed_content(f.content), trainings = taught.number,
               people_trained = taught.people
         WHERE n.id = f.id;
    END IF;
    RETURN f.id IS NOT NULL;
END $$;

-- Since when the caller's agency agrees to be named; NULL: it does not. For its leads.
CREATE FUNCTION sec.figures_agreed_since() RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT g.given_at FROM public.figures_agreement g, sec.reporting_agency() r
             WHERE g.agency_id = r.agency AND g.ended_at IS NULL);
END $$;

-- Agree to be named, or end that; for a lead in person. Returns whether anything changed.
CREATE FUNCTION sec.agree_to_figures(agree boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := (SELECT r.agency FROM sec.reporting_agency() r);
BEGIN
    IF me.client_id IS NOT NULL THEN
        RAISE EXCEPTION 'in person only' USING ERRCODE = 'insufficient_privilege';
    ELSIF agree THEN
        INSERT INTO public.figures_agreement (id, agency_id, given_at, given_by)
        VALUES (gen_random_uuid(), mine, sec.clock(), me.member_id)
        ON CONFLICT (agency_id) WHERE ended_at IS NULL DO NOTHING;
    ELSE
        UPDATE public.figures_agreement g SET ended_at = sec.clock(), ended_by = me.member_id
         WHERE g.agency_id = mine AND g.ended_at IS NULL;
    END IF;
    RETURN FOUND;
END $$;

-- What was published of earlier years. For everyone.
CREATE FUNCTION sec.earlier_years()
RETURNS TABLE (year integer, cases integer, trainings integer, people integer, source text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT y.year, y.cases, y.trainings, y.people_trained, y.source
                   FROM public.earlier_year y ORDER BY y.year;
END $$;

-- Enter such a year, or correct it; for the coordinator.
CREATE FUNCTION sec.store_earlier_year(
    of_year integer, cases integer, trainings integer, people integer, source text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    IF NOT sec.is_coordinator() THEN
        RAISE EXCEPTION 'no such figures' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.earlier_year AS y (id, year, cases, trainings, people_trained, source)
    VALUES (gen_random_uuid(), of_year, cases, trainings, people, source)
    ON CONFLICT (year) DO UPDATE
       SET cases = excluded.cases, trainings = excluded.trainings,
           people_trained = excluded.people_trained, source = excluded.source;
END $$;

CREATE FUNCTION sec.delete_earlier_year(of_year integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT sec.is_coordinator() THEN
        RAISE EXCEPTION 'no such figures' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM public.earlier_year y WHERE y.year = of_year;
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION sec.is_coordinator(), sec.agreed_content(jsonb),
    sec.network_figures(boolean), sec.publish_figures(text), sec.figures_agreed_since(),
    sec.agree_to_figures(boolean), sec.earlier_years(),
    sec.store_earlier_year(integer, integer, integer, integer, text),
    sec.delete_earlier_year(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.network_figures(boolean), sec.publish_figures(text),
    sec.figures_agreed_since(), sec.agree_to_figures(boolean), sec.earlier_years(),
    sec.store_earlier_year(integer, integer, integer, integer, text),
    sec.delete_earlier_year(integer) TO app;
