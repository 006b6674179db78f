"""What a network has behind it: nearly all of its referrals are over (history.sql)."""

from pathlib import Path
from typing import Any

# An id of some time ago, as UUIDv7 begin with their time.
OLD_ID = "('018' || substr(gen_random_uuid()::text, 4))::uuid"
# Both sides read it once, and the recipient opened the packet. The log has no earlier months: its
# own sizes are in log_rows.py.
LOGGED = (
    "INSERT INTO access_entry (id, agency_id, member_id, act, purpose, fields, referral_id,"
    " subject, decision, request_id) SELECT gen_random_uuid(), s.agency_id, s.holder_id, kind.act,"
    " kind.purpose, kind.fields, s.referral_id, s.subject, 'allowed', gen_random_uuid()"
    " FROM referral_side s JOIN referral r ON r.id = s.referral_id,"
    " (VALUES ('referral.read', NULL, NULL),"
    "  ('referral.open_packet', 'intake', ARRAY['name'])) kind (act, purpose, fields)"
    " WHERE (kind.purpose IS NULL OR (r.accepted_at IS NOT NULL AND s.agency_id = r.to_agency_id))"
    " AND NOT EXISTS"
    " (SELECT FROM access_entry e WHERE e.referral_id = s.referral_id)"
)


def make(cursor: Any) -> None:
    """Give the referrals of fill.sql a history; then ANALYZE. As the cluster's superuser."""
    cursor.execute(Path(__file__).with_suffix(".sql").read_text())
    cursor.execute(f"{LOGGED}; ANALYZE")
