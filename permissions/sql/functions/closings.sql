-- as: definer
-- What was taken away is noted with the change itself, for the journal outside the database
-- (permissions/recovery). Which columns: permissions/recovery/closing_columns.py, of which the
-- triggers are made.

-- Whether a column's change takes something away. `sense`: `off`, `on` (flags), `set` (a time or
-- word where there was none), `away` (none where there was one), `fewer` (a list: none is all),
-- `earlier`, `lower` (none is without end), `raised` (a version), `keys` (a set of JSON web keys),
-- `other` (any change), `moved` (any change, of an id), `into` (to one of the words that follow).
CREATE FUNCTION sec.is_closing(sense text, before jsonb, after jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    was boolean := coalesce(before, 'null') <> 'null';
    is_now boolean := coalesce(after, 'null') <> 'null';
BEGIN
    RETURN CASE split_part(sense, ' ', 1)
        WHEN 'off' THEN before = 'true' AND after = 'false'
        WHEN 'on' THEN coalesce(before, 'null') <> 'true' AND after = 'true'
        WHEN 'set' THEN NOT was AND is_now
        WHEN 'away' THEN was AND NOT is_now
        WHEN 'fewer' THEN is_now AND (NOT was OR NOT after @> before)
        WHEN 'earlier' THEN is_now AND (NOT was
            OR (after #>> '{}')::timestamptz < (before #>> '{}')::timestamptz)
        WHEN 'lower' THEN is_now AND (NOT was OR after::numeric < before::numeric)
        WHEN 'raised' THEN is_now AND after::numeric > CASE WHEN was THEN before::numeric ELSE 1 END
        WHEN 'keys' THEN NOT coalesce(after -> 'keys', '[]') @> coalesce(before -> 'keys', '[]')
        WHEN 'other' THEN was AND before IS DISTINCT FROM after
        WHEN 'moved' THEN was AND before IS DISTINCT FROM after
        WHEN 'into' THEN is_now AND before IS DISTINCT FROM after
            AND after #>> '{}' = ANY (string_to_array(sense, ' '))
            AND NOT coalesce(before #>> '{}' = ANY (string_to_array(sense, ' ')), false)
    END;
END $$;

-- What the note says of such a column: never what is secret, and no text of a person.
CREATE FUNCTION sec.closing_value(sense text, before jsonb, after jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE split_part(sense, ' ', 1)
        WHEN 'other' THEN 'true'::jsonb
        WHEN 'away' THEN 'true'::jsonb
        WHEN 'moved' THEN before
        WHEN 'keys' THEN sec.key_digests(after)
        ELSE after
    END;
END $$;

-- The digests of the keys in a set of JSON web keys.
CREATE FUNCTION sec.key_digests(key_set jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_agg(encode(sha256(convert_to(k::text, 'UTF8')), 'hex')), '[]')
      FROM jsonb_array_elements(coalesce(key_set -> 'keys', '[]')) k
$$;

-- The set with those of its keys that are among these digests.
CREATE FUNCTION sec.keys_among(key_set jsonb, digests jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_set(coalesce(key_set, '{}'), '{keys}', coalesce(jsonb_agg(k), '[]'))
      FROM jsonb_array_elements(coalesce(key_set -> 'keys', '[]')) k
     WHERE digests ? encode(sha256(convert_to(k::text, 'UTF8')), 'hex')
$$;

-- Note what this change takes away, if it does. The trigger's argument is one entry of
-- permissions/recovery/closing_columns.py, as JSON.
CREATE FUNCTION sec.note_closing() RETURNS trigger LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    spec jsonb := TG_ARGV[0]::jsonb;
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    about jsonb := coalesce(after, before);
    said jsonb := '{}';
    name text;
    sense text;
    parent_is_there boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF spec ? 'parent' THEN  -- what goes with its referral is purged, not closed
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE id = $1)', spec ->> 'parent')
               INTO parent_is_there USING (before ->> (spec ->> 'unit'))::uuid;
            IF NOT parent_is_there THEN
                RETURN NULL;
            END IF;
        END IF;
        said := '{"gone": true}';
    ELSE
        FOR name, sense IN SELECT * FROM jsonb_each_text(spec -> 'columns') LOOP
            IF (before IS NOT NULL OR sense = 'raised')
               AND sec.is_closing(sense, before -> name, after -> name) THEN
                said := said || jsonb_build_object(
                    name, sec.closing_value(sense, before -> name, after -> name));
            END IF;
        END LOOP;
        IF said <> '{}' THEN
            said := jsonb_build_object('columns', said);
        END IF;
        IF before IS NULL AND spec -> 'added' <> '[]' THEN
            said := said || jsonb_build_object('added', sec.picked(after, spec -> 'added'));
        END IF;
        IF said <> '{}' AND spec -> 'beside' <> '[]' THEN
            said := said || jsonb_build_object('beside', sec.picked(after, spec -> 'beside'));
        END IF;
    END IF;
    IF said = '{}' THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.closing (id, at, xact, kind, row_key, unit_id, agencies, data)
    VALUES (gen_random_uuid(), sec.clock(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME,
            about ->> (spec ->> 'key'), (about ->> (spec ->> 'unit'))::uuid,
            ARRAY(SELECT (about ->> a)::uuid FROM jsonb_array_elements_text(spec -> 'agencies') a
                   WHERE about ->> a IS NOT NULL),
            said);
    PERFORM pg_notify('cairn_work', 'journal');
    RETURN NULL;
END $$;

-- These columns of a row.
CREATE FUNCTION sec.picked(about jsonb, names jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(n, about -> n), '{}') FROM jsonb_array_elements_text(names) n
$$;

-- For how many seconds the oldest note has waited for the journal; NULL: none waits.
CREATE FUNCTION sec.journal_lag_s() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT extract(epoch FROM sec.clock() - min(c.at))::double precision
      FROM public.closing c WHERE c.written_at IS NULL
$$;

REVOKE ALL ON FUNCTION sec.is_closing(text, jsonb, jsonb), sec.closing_value(text, jsonb, jsonb),
    sec.key_digests(jsonb), sec.keys_among(jsonb, jsonb), sec.note_closing(),
    sec.picked(jsonb, jsonb), sec.journal_lag_s() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.note_closing(), sec.keys_among(jsonb, jsonb),
    sec.is_closing(text, jsonb, jsonb) TO owner;
GRANT EXECUTE ON FUNCTION sec.journal_lag_s() TO app, jobs;
