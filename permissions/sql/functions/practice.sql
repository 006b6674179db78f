-- as: definer
-- Exercises (ADR 0091): an agency that takes part has an agency of its own in the exercise, whose
-- members are those who joined. What keeps agencies apart keeps practice apart from what is live.

-- Whether this agency is live, or its exercise goes on.
CREATE FUNCTION sec.is_live_or_runs(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.permissions_agency a
          LEFT JOIN public.permissions_exercise e ON e.id = a.exercise_id
         WHERE a.id = agency
           AND (a.exercise_id IS NULL OR (e.ended_at IS NULL AND e.ends_at > sec.clock())));
END $$;

-- Whether a member may be notified: any of a live agency; in an exercise those who are in it now.
-- Who left it to work, or signed out, is not disturbed.
CREATE FUNCTION sec.is_live_or_takes_part(agency uuid, member uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a
                WHERE a.id = agency AND a.exercise_id IS NULL) THEN
        RETURN true;
    END IF;
    RETURN sec.is_live_or_runs(agency) AND EXISTS (
        SELECT FROM public.credential c WHERE c.membership_id = member AND c.live
            AND c.ended_at IS NULL AND c.expires_at > sec.clock());
END $$;

-- The agency of an exercise for the people of a live one; made at the first time. It is like the
-- live one, with the same duties, hours and deadlines, but its number is an invented one and it has
-- no reviewer outside. NULL: there is no such exercise under way, or no such live agency. Two at
-- once make one.
CREATE FUNCTION sec.begin_practice_agency(row_id uuid, exercise uuid, home uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    -- An end of this exercise waits for this agency, and ends it too, or this waits for the end.
    PERFORM FROM public.permissions_exercise e
      WHERE e.id = exercise AND e.ended_at IS NULL AND e.ends_at > sec.clock() FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.permissions_agency
           (id, name, kind, duties, time_zone, duty_phone, active, takes_notices, durations,
            opening_hours, holidays, retention_days, exercise_id, practice_of_id)
    SELECT row_id, h.name, h.kind, h.duties, h.time_zone, '406-555-0100', true, true, h.durations,
           h.opening_hours, h.holidays, h.retention_days, exercise, h.id
      FROM public.permissions_agency h
     WHERE h.id = home AND h.active AND h.exercise_id IS NULL
    ON CONFLICT (exercise_id, practice_of_id) WHERE exercise_id IS NOT NULL DO NOTHING;
    RETURN (SELECT p.id FROM public.permissions_agency p
             WHERE p.exercise_id = exercise AND p.practice_of_id = home AND p.active);
END $$;

-- End an exercise now: its agencies, and with them its members' sign-ins. Twice is safe.
CREATE FUNCTION sec.end_exercise(exercise uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_variable
BEGIN
    UPDATE public.permissions_exercise e SET ended_at = coalesce(e.ended_at, sec.clock())
     WHERE e.id = exercise;
    UPDATE public.permissions_agency a SET active = false
     WHERE a.exercise_id = exercise AND a.active;
END $$;

-- The agencies in which the own agency's people practiced, for the auditor who asks for practice
-- alone; else none: no other query of the log finds an entry of theirs.
CREATE FUNCTION sec.practice_agency_ids() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
BEGIN
    IF mine IS NULL OR current_setting('cairn.practice', true) IS DISTINCT FROM 'on' THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT a.id FROM public.permissions_agency a
                  WHERE a.practice_of_id = mine ORDER BY a.id);
END $$;

-- Which exercise an agency is of never changes: nothing live becomes practice, nor the reverse.
CREATE FUNCTION sec.refuse_world_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'practice stays practice, and live stays live'
          USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION sec.is_live_or_runs(uuid), sec.is_live_or_takes_part(uuid, uuid),
    sec.begin_practice_agency(uuid, uuid, uuid), sec.end_exercise(uuid),
    sec.practice_agency_ids(), sec.refuse_world_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.begin_practice_agency(uuid, uuid, uuid) TO signin;
GRANT EXECUTE ON FUNCTION sec.end_exercise(uuid) TO signin, jobs;
GRANT EXECUTE ON FUNCTION sec.practice_agency_ids() TO auditor;
-- The tables' owner needs it to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.refuse_world_change() TO owner;
