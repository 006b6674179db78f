-- as: definer
-- Records of backups and of drills (ADR 0102): times, words of the code and measures, nothing of a
-- referral. A drill's record stays; of what a place of backups held, the last year.

CREATE FUNCTION sec.record_backup(newest timestamptz, oldest timestamptz, wal timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.backup_record b
     WHERE b.kind = 'backup' AND b.at < clock_timestamp() - interval '1 year';
    INSERT INTO public.backup_record (id, kind, at, newest_at, oldest_at, wal_at, failed)
    VALUES (gen_random_uuid(), 'backup', clock_timestamp(), newest, oldest, wal, '{}');
END $$;

CREATE FUNCTION sec.record_drill(failed text[], rto double precision, rpo double precision)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    INSERT INTO public.backup_record (id, kind, at, failed, rto_s, rpo_s)
    VALUES (gen_random_uuid(), 'drill', clock_timestamp(), failed, rto, rpo)
$$;

-- Seconds since the newest and the oldest backup ended and the newest WAL arrived, as they were
-- last looked at; since the last drill that was well, and the last one, with what that found.
CREATE FUNCTION sec.backup_figures(
    OUT backup_s double precision, OUT oldest_s double precision, OUT wal_s double precision,
    OUT well_s double precision, OUT drill_s double precision, OUT failed text[],
    OUT rto_s double precision, OUT rpo_s double precision
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    now timestamptz := clock_timestamp();
BEGIN
    SELECT extract(epoch FROM now - b.newest_at), extract(epoch FROM now - b.oldest_at),
           extract(epoch FROM now - b.wal_at)
      INTO backup_s, oldest_s, wal_s
      FROM public.backup_record b WHERE b.kind = 'backup' ORDER BY b.at DESC LIMIT 1;
    SELECT extract(epoch FROM now - max(b.at)) INTO well_s
      FROM public.backup_record b WHERE b.kind = 'drill' AND b.failed = '{}';
    SELECT extract(epoch FROM now - b.at), b.failed, b.rto_s, b.rpo_s
      INTO drill_s, failed, rto_s, rpo_s
      FROM public.backup_record b WHERE b.kind = 'drill' ORDER BY b.at DESC LIMIT 1;
END $$;

REVOKE ALL ON FUNCTION sec.record_backup(timestamptz, timestamptz, timestamptz),
    sec.record_drill(text[], double precision, double precision), sec.backup_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.record_backup(timestamptz, timestamptz, timestamptz),
    sec.record_drill(text[], double precision, double precision) TO jobs;
GRANT EXECUTE ON FUNCTION sec.backup_figures() TO app, jobs;
