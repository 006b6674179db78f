-- Grows the directory to %(size)s services: copies of the demo's rendered rows with names, places
-- and ids of their own, which begin with 9e9e9e, and each with one of many uncommon words, as words
-- are distributed (Zipf: zq1, in one of ten, to zq19930, in one of 200,000). About one in thirty is
-- confidential: of whole organizations that are, and of others. Deterministic. As the superuser;
-- twice is safe.

CREATE TEMP TABLE grown_base ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY l.id) - 1 AS k, l.id AS listing_id, p.id AS place_id,
       count(*) OVER () AS of, l.organization_id AS base_organization
  FROM directory_listing l JOIN directory_place p ON p.service_id = l.id AND p.first
 WHERE l.id::text NOT LIKE '9e9e9e%%';

CREATE TEMP TABLE grown ON COMMIT DROP AS
SELECT n, b.listing_id, b.place_id, b.base_organization,
       overlay(md5('service ' || n) placing '9e9e9e' from 1 for 6)::uuid AS id,
       overlay(md5('place ' || n) placing '9e9e9e' from 1 for 6)::uuid AS new_place,
       overlay(md5('organization ' || n / 8) placing '9e9e9e' from 1 for 6)::uuid
           AS organization_id,
       (ARRAY['Ashby', 'Bellrock', 'Carrow', 'Dunmore', 'Eastfork', 'Fairlea', 'Galt', 'Harrow',
              'Ironwood', 'Juniper', 'Kestrel', 'Larkfield', 'Marrow', 'Northlight', 'Oldbridge',
              'Pinecone', 'Quarry', 'Redwater', 'Stonegate', 'Tamarack'])
              [1 + (hashint8(n + 3) & 65535) %% 20] AS town,
       (ARRAY['Family', 'Youth', 'Community', 'County', 'Valley', 'Mountain', 'River', 'Hope',
              'Bridge', 'Harbor', 'Lantern', 'Meadow', 'Sunrise'])
              [1 + (hashint8(n + 5) & 65535) %% 13] AS kind,
       'zq' || floor(exp(9.9 * (hashint8(n + 41) & 65535) / 65536.0)) AS uncommon,
       45.0 + 3.8 * (hashint8(n) & 1023) / 1024.0 + (hashint8(n + 7) & 1023) / 1e6 AS latitude,
       -115.5 + 11.0 * (hashint8(n + 13) & 1023) / 1024.0 + (hashint8(n + 29) & 1023) / 1e6
           AS longitude,
       n / 8 %% 40 = 5 AS hidden_organization, n / 8 %% 40 = 5 OR n %% 113 = 7 AS hidden
  FROM generate_series(1, %(size)s - (SELECT count(*) FROM grown_base)) n
  JOIN grown_base b ON b.k = n %% b.of;

CREATE TEMP TABLE grown_organization (LIKE directory_organization_listing) ON COMMIT DROP;
INSERT INTO grown_organization
       (id, name, document, full_document, last_modified, taxonomy_term_ids, search)
SELECT DISTINCT ON (g.organization_id) g.organization_id, g.kind || ' Center of ' || g.town,
       replace(o.document, o.id::text, g.organization_id::text),
       replace(o.full_document, o.id::text, g.organization_id::text), o.last_modified,
       o.taxonomy_term_ids, o.search || to_tsvector('directory_en', g.kind || ' ' || g.town)
  FROM grown g JOIN directory_organization_listing o ON o.id = g.base_organization
 ORDER BY g.organization_id, g.n;

CREATE TEMP TABLE grown_listing (LIKE directory_listing) ON COMMIT DROP;
INSERT INTO grown_listing (id, document, full_document, last_modified, organization_id, name,
       organization_name, status, answered_by, intake, victimization_types, taxonomy_term_ids,
       phones, assured_date)
SELECT g.id, replace(replace(l.document, l.id::text, g.id::text), l.organization_id::text,
                     g.organization_id::text),
       replace(l.full_document, l.id::text, g.id::text), l.last_modified, g.organization_id,
       l.name || ' ' || g.kind || ' ' || g.town, g.kind || ' Center of ' || g.town, l.status,
       l.answered_by, l.intake, l.victimization_types, l.taxonomy_term_ids, l.phones,
       l.assured_date
  FROM grown g JOIN directory_listing l ON l.id = g.listing_id;

CREATE TEMP TABLE grown_place (LIKE directory_place INCLUDING DEFAULTS) ON COMMIT DROP;
INSERT INTO grown_place (id, service_id, document, full_document, last_modified, location_id,
       organization_id, name, open, first, alone, position, answered_by, minimum_age, maximum_age,
       taxonomy_term_ids, facets, postcodes, named, search, point, open_hours, hours_until)
SELECT g.new_place, g.id, replace(p.document, p.service_id::text, g.id::text), p.full_document,
       p.last_modified, p.location_id, g.organization_id,
       p.name || ' ' || g.kind || ' ' || g.town, p.open, true, true, 0, p.answered_by,
       p.minimum_age, p.maximum_age, p.taxonomy_term_ids, p.facets, p.postcodes,
       p.named || setweight(to_tsvector('directory_en', g.kind || ' ' || g.town), 'A'),
       p.search || strip(to_tsvector('directory_en', g.kind || ' ' || g.town))
           || strip(to_tsvector('simple', g.uncommon)),
       CASE WHEN NOT g.hidden THEN directory_point(g.latitude, g.longitude) END, p.open_hours,
       p.hours_until
  FROM grown g JOIN directory_place p ON p.id = g.place_id;

INSERT INTO directory_organization_listing
SELECT * FROM grown_organization
 WHERE id NOT IN (SELECT organization_id FROM grown WHERE hidden_organization)
ON CONFLICT DO NOTHING;
INSERT INTO directory_network_organization
SELECT * FROM grown_organization
 WHERE id IN (SELECT organization_id FROM grown WHERE hidden_organization)
ON CONFLICT DO NOTHING;
INSERT INTO directory_listing
SELECT * FROM grown_listing WHERE id NOT IN (SELECT id FROM grown WHERE hidden)
ON CONFLICT DO NOTHING;
INSERT INTO directory_network_listing
SELECT * FROM grown_listing WHERE id IN (SELECT id FROM grown WHERE hidden)
ON CONFLICT DO NOTHING;
INSERT INTO directory_place
SELECT * FROM grown_place WHERE service_id NOT IN (SELECT id FROM grown WHERE hidden)
ON CONFLICT DO NOTHING;
INSERT INTO directory_network_place
SELECT * FROM grown_place WHERE service_id IN (SELECT id FROM grown WHERE hidden)
ON CONFLICT DO NOTHING;
