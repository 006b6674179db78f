-- The row that only sec.test_write() writes.

GRANT SELECT, UPDATE ON write_test TO definer;
