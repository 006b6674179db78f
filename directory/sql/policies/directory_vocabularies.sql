-- Taxonomies and postcodes: everyone reads them, `jobs` writes them. sec.derive_postcodes() writes
-- postcodes, too.

GRANT SELECT ON directory_taxonomy, directory_taxonomyterm, directory_postcode TO app, editor;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON directory_taxonomy, directory_taxonomyterm, directory_postcode TO jobs;
GRANT SELECT, INSERT, DELETE ON directory_postcode TO definer;
