-- Over which number an agency is asked whether a person is who they say: `signin` alone, and the
-- operator's commands, which give an agency its first.

GRANT SELECT, INSERT, UPDATE ON permissions_registerednumber TO signin;
GRANT SELECT, INSERT ON permissions_registerednumber TO jobs;
