-- as: owner
-- The first value of the remembered timeline (permissions/recovery/timeline.py).

-- A database that remembers nothing yet was made here. Runs with the migrations.
CREATE FUNCTION sec.remember_first_timeline() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE public.timeline_state SET timeline = sec.timeline() WHERE timeline = '';
END $$;

REVOKE ALL ON FUNCTION sec.remember_first_timeline() FROM PUBLIC;
