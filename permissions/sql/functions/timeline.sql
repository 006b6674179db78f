-- as: definer
-- Whether this is the database that was last known to be true, on the server where it was. After a
-- restore or a failover it is not, until `manage.py database recover` has run (ADR 0097).

-- The server's timeline, which begins again with each point-in-time recovery and each failover; its
-- system identifier, which a new cluster has of its own; and the database's number, which a dump
-- that is restored next to it has. Raises an error on a standby.
CREATE FUNCTION sec.timeline() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8)
           || '/' || (SELECT c.system_identifier FROM pg_control_system() c)
           || '/' || (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
END $$;

-- Write the remembered timeline into sec.remembered_timeline(), which `definer` owns (before.sql).
CREATE FUNCTION sec.store_timeline() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION sec.remembered_timeline() RETURNS text'
                   ' LANGUAGE sql IMMUTABLE AS $s$ SELECT %L $s$', NEW.timeline);
    RETURN NULL;
END $$;

-- Raise 57C01 if the database is not where it was last known to be true. Only the recovery itself
-- goes on, by the name of its sessions, which a pooler keeps apart; and the owner, who migrates.
CREATE FUNCTION sec.require_timeline() RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    here text;
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    here := sec.timeline();
    IF here = sec.remembered_timeline() THEN
        PERFORM set_config('cairn.timeline', here, false);
    ELSIF current_setting('application_name') <> 'cairn recover'
          AND session_user IN ('app', 'signin', 'editor', 'auditor', 'jobs', 'sealer') THEN
        RAISE EXCEPTION 'the database was restored or has failed over' USING ERRCODE = '57C01';
    END IF;
END $$;

-- What is remembered and what is found, for the recovery and the operator. `here` is NULL on a
-- standby.
CREATE FUNCTION sec.timeline_figures(
    OUT remembered text, OUT here text, OUT mark bigint, OUT marked_at timestamptz,
    OUT recovered_at timestamptz
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    SELECT s.timeline, s.mark, s.marked_at, s.recovered_at
      INTO remembered, mark, marked_at, recovered_at FROM public.timeline_state s;
    here := CASE WHEN NOT pg_is_in_recovery() THEN sec.timeline() END;
END $$;

-- Raise the mark, and return it.
CREATE FUNCTION sec.raise_mark() RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    raised bigint;
BEGIN
    PERFORM sec.clock();
    UPDATE public.timeline_state s SET mark = s.mark + 1, marked_at = clock_timestamp()
    RETURNING s.mark INTO raised;
    RETURN raised;
END $$;

-- How far the events were copied out of the database; and that they were copied so far.
CREATE FUNCTION sec.copied_events(OUT mark bigint, OUT after_xact bigint, OUT after_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    SELECT s.mark, s.copied_xact, s.copied_id INTO mark, after_xact, after_id
      FROM public.timeline_state s;
END $$;

CREATE FUNCTION sec.events_are_copied(to_xact bigint, to_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.clock();
    UPDATE public.timeline_state SET copied_xact = to_xact, copied_id = to_id;
END $$;

-- A mark outside of the database is newer than its own: it is an older copy, which the timeline
-- does not show (a copy of the disk). Nothing serves from now on.
CREATE FUNCTION sec.distrust_timeline() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.timeline_state SET timeline = 'older copy';
END $$;

-- The last step of the recovery: from now on, this is where the database is true. `above`: every
-- mark outside of the database is below it.
CREATE FUNCTION sec.remember_timeline(above bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.timeline_state s
       SET mark = greatest(s.mark, above), timeline = sec.timeline(),
           recovered_at = clock_timestamp();
END $$;

REVOKE ALL ON FUNCTION sec.timeline(), sec.store_timeline(), sec.require_timeline(),
    sec.timeline_figures(), sec.raise_mark(), sec.copied_events(),
    sec.events_are_copied(bigint, uuid),
    sec.distrust_timeline(), sec.remember_timeline(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.timeline(), sec.store_timeline() TO owner;
GRANT EXECUTE ON FUNCTION sec.remembered_timeline() TO owner, app, signin, editor, auditor, jobs,
    sealer;
GRANT EXECUTE ON FUNCTION sec.require_timeline() TO owner, app, signin, editor, auditor, jobs,
    sealer;
GRANT EXECUTE ON FUNCTION sec.timeline_figures() TO app, jobs;
GRANT EXECUTE ON FUNCTION sec.raise_mark(), sec.copied_events(),
    sec.events_are_copied(bigint, uuid), sec.distrust_timeline(),
    sec.remember_timeline(bigint) TO jobs;
