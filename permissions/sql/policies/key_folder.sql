-- Which folder of keys is used, and by which servers. Only the functions of key_folder.sql do.

GRANT SELECT, INSERT, UPDATE, DELETE ON key_folder, key_host TO definer;
