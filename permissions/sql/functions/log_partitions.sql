-- as: owner
-- Partitions of the access log, run by the owner (migrations; `manage.py migrate` adds the coming
-- months). The default partition exists so that a forgotten month loses nothing.
CREATE FUNCTION sec.guard_log_partition(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION sec.refuse_log_change()', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER hash_entry', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
END $$;

CREATE FUNCTION sec.add_log_partition(first date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text := 'access_entry_' || to_char(first, 'YYYY_MM');
    bounds text := format('FOR VALUES FROM (%L) TO (%L)', first::text || 'T00:00:00Z',
                          (first + interval '1 month')::date::text || 'T00:00:00Z');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF access_entry %s', part, bounds);
    EXCEPTION WHEN check_violation THEN  -- entries of that month are in the default partition
        PERFORM sec.move_to_log_partition(part, first);
        EXECUTE format('ALTER TABLE access_entry ATTACH PARTITION %I %s', part, bounds);
    END;
    PERFORM sec.guard_log_partition(part::regclass);
END $$;

-- Move a month's entries, byte for byte, from the default partition to a table of their own. The
-- default partition's guards are off meanwhile, in this transaction only; no other session can
-- write to it.
CREATE FUNCTION sec.move_to_log_partition(part text, first date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE access_entry INCLUDING ALL)', part);
    ALTER TABLE access_entry_other NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE access_entry_other DISABLE TRIGGER append_only;
    EXECUTE format(
        'WITH moved AS (DELETE FROM access_entry_other WHERE at >= $1 AND at < $2 RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', part)
        USING first::timestamp AT TIME ZONE 'UTC',
              (first + interval '1 month') AT TIME ZONE 'UTC';
    ALTER TABLE access_entry_other ENABLE ALWAYS TRIGGER append_only;
    ALTER TABLE access_entry_other FORCE ROW LEVEL SECURITY;
END $$;

CREATE FUNCTION sec.add_log_partitions(months int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    FOR n IN 0..months LOOP
        PERFORM sec.add_log_partition((this + make_interval(months => n))::date);
    END LOOP;
END $$;

-- The period whose months each have a partition, from the latest month back to the first gap. Asked
-- within it, the log is read month by month, newest first, and no further than a page needs. Other
-- entries need a query of their own.
CREATE FUNCTION sec.log_months(OUT begins timestamptz, OUT ends timestamptz)
LANGUAGE sql STABLE AS $$
    WITH month AS (
        SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS first
          FROM pg_catalog.pg_inherits i
          JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.access_entry'::regclass
           AND c.relname ~ '^access_entry_\d{4}_\d{2}$'
    ), counted AS (
        SELECT first, max(first) OVER () AS last, row_number() OVER (ORDER BY first DESC) AS nth
          FROM month
    )
    SELECT min(first) AT TIME ZONE 'UTC', (max(first) + interval '1 month') AT TIME ZONE 'UTC'
      FROM counted WHERE first = last - make_interval(months => nth::int - 1)
$$;

REVOKE ALL ON FUNCTION sec.guard_log_partition(regclass), sec.add_log_partition(date),
    sec.move_to_log_partition(text, date), sec.add_log_partitions(int),
    sec.log_months() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.log_months() TO auditor;
