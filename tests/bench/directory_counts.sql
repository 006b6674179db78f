-- Totals and milestones of the public lists, from the rows as they are. As the superuser; twice is
-- safe. Further milestones are laid by directory/projection/page_anchors.py.

DELETE FROM directory_total WHERE "table" IN ('services', 'service_at_locations', 'organizations');
INSERT INTO directory_total ("table", rows)
SELECT 'services', count(*) FROM directory_place WHERE first AND open
UNION ALL
SELECT 'service_at_locations', count(*) FROM directory_place
 WHERE location_id IS NOT NULL AND open
UNION ALL
SELECT 'organizations', count(*) FROM directory_organization_listing;

DELETE FROM directory_milestone;
INSERT INTO directory_milestone (list, name, row_id, rows)
SELECT "table", '', '00000000-0000-0000-0000-000000000000', rows
  FROM directory_total WHERE "table" IN ('services', 'service_at_locations');
