-- A unit (beds, rooms) belongs to no organization: see directory_sources.sql. An editor may add a
-- new one and cannot change one that others count in.

GRANT INSERT ON directory_unit TO editor;

CREATE POLICY editor_begins ON directory_unit FOR INSERT TO editor WITH CHECK (
    (SELECT sec.directory_editor_agency_id()) IS NOT NULL AND source = '' AND external_id = '');
