-- as: owner
-- Triggers on rows of the directory that run with the rights of the role that writes.

-- Who answers referrals: an editor may name their own agency or none. Another agency, which `jobs`
-- has bound, stays until it is removed.
CREATE FUNCTION sec.check_answered_by() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.answered_by_id IS NULL OR NEW.answered_by_id = sec.directory_editor_agency_id() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'another agency answers for itself' USING ERRCODE = 'insufficient_privilege';
END $$;

-- What rendering may write in addition to what was asked for. What an editor may not write waits
-- for the night (directory/projection/reindex.py).
CREATE FUNCTION sec.may_render(organization uuid, service uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_user = 'editor' THEN
        RETURN sec.may_editor_render(organization, service);
    END IF;
    RETURN true;
END $$;

CREATE FUNCTION sec.check_rendered_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one jsonb;
BEGIN
    FOREACH one IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY[to_jsonb(NEW)]
                                    WHEN 'DELETE' THEN ARRAY[to_jsonb(OLD)]
                                    ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)] END LOOP
        CONTINUE WHEN sec.may_editor_render((one->>TG_ARGV[0])::uuid, (one->>TG_ARGV[1])::uuid);
        RAISE EXCEPTION 'an entry of another' USING ERRCODE = 'insufficient_privilege';
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- A place that becomes confidential loses its key in the source.
CREATE FUNCTION sec.clear_location_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.external_id := '';
    NEW.external_identifier_type := '';
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION sec.check_answered_by(), sec.may_render(uuid, uuid),
    sec.check_rendered_entry(), sec.clear_location_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.may_render(uuid, uuid) TO editor, jobs;
