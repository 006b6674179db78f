-- Records of backups and drills. Only the functions of backups.sql use them.

GRANT SELECT, INSERT, DELETE ON backup_record TO definer;
