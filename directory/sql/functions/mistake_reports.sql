-- as: definer
-- What readers say is wrong in an entry (directory/editing/mistake_reports.py). Anyone who may read
-- the entry may say it; who did is not kept. Only those who can mend the entry read it.

CREATE FUNCTION sec.report_mistake(new_id uuid, service uuid, what text, words text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.directory_listing l WHERE l.id = service)
       AND NOT (sec.is_in_network() AND EXISTS (
            SELECT FROM public.directory_network_listing l WHERE l.id = service)) THEN
        RAISE EXCEPTION 'no such entry' USING ERRCODE = 'insufficient_privilege';
    ELSIF length(words) > 300 THEN
        RAISE EXCEPTION 'too many words' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.directory_mistake_report (id, service_id, what, words, at)
    SELECT new_id, service, report_mistake.what, report_mistake.words, sec.clock()
     WHERE NOT EXISTS (
        SELECT FROM public.directory_mistake_report r
         WHERE r.service_id = service AND r.done_at IS NULL
           AND r.what = report_mistake.what AND r.words = report_mistake.words);
END $$;

-- Delete what is older than 180 days, and what was said of an entry before it closed or went. Run
-- by the background work once an hour.
CREATE FUNCTION sec.end_old_mistake_reports() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.directory_mistake_report r
     WHERE r.at <= sec.clock() - interval '180 days' OR NOT EXISTS (
        SELECT FROM public.directory_service s
         WHERE s.id = r.service_id
           AND (s.status IN ('active', 'temporarily closed') OR s.last_modified < r.at));
END $$;

-- Whether the caller, in person, can mend what is wrong in this organization's entries: an editor
-- of an agency that edits them; the coordinator where no such person is, for what a reader says
-- must be read by someone.
CREATE FUNCTION sec.may_mend_entries_of(organization uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NOT NULL THEN
        RETURN false;
    ELSIF EXISTS (
        SELECT FROM public.directory_editing e
          JOIN public.permissions_membership m
            ON m.agency_id = e.agency_id AND m.live AND 'directory_editor' = ANY (m.roles)
         WHERE e.content_object_id = organization) THEN
        RETURN sec.is_editor_of(organization);
    END IF;
    RETURN coalesce('coordinator' = ANY (me.roles), false);
END $$;

-- What waits for the caller, the oldest first.
CREATE FUNCTION sec.mistake_reports()
RETURNS TABLE (id uuid, at timestamptz, service_id uuid, name text, what text, words text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.at, r.service_id, s.name, r.what, r.words
      FROM public.directory_mistake_report r
      JOIN public.directory_service s ON s.id = r.service_id
     WHERE r.done_at IS NULL AND sec.may_mend_entries_of(s.organization_id)
     ORDER BY r.at, r.id LIMIT 100;
END $$;

-- Mark it done: its words go. Returns whether it is one of the caller's; twice changes nothing.
CREATE FUNCTION sec.end_mistake_report(report uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    UPDATE public.directory_mistake_report r
       SET words = '', done_by = coalesce(r.done_by, me.member_id),
           done_at = coalesce(r.done_at, sec.clock())
      FROM public.directory_service s
     WHERE r.id = report AND s.id = r.service_id AND sec.may_mend_entries_of(s.organization_id);
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION sec.report_mistake(uuid, uuid, text, text), sec.may_mend_entries_of(uuid),
    sec.mistake_reports(), sec.end_mistake_report(uuid), sec.end_old_mistake_reports()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.report_mistake(uuid, uuid, text, text), sec.mistake_reports(),
    sec.end_mistake_report(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.end_old_mistake_reports() TO jobs;
