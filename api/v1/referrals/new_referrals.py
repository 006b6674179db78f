"""The JSON shape of a new referral: its notice, and what else it may have at once."""

from typing import Any
from uuid import UUID

from api.http.endpoints import Shape
from api.http.fields import Id, Text
from api.v1.referrals.packets import packet_texts
from api.v1.referrals.referral_shapes import NoticeFields
from api.v1.referrals.releases import NoticeReleaseIn, ReleaseIn, terms_of
from api.v1.shapes import coded
from referrals import codes
from referrals.own_numbers.record_numbers import MAX_CHARS
from referrals.partner_systems.one_request import Parts


class SendAtOnceIn(Shape):
    """Send it with this request."""

    agreement = coded(
        codes.AGREEMENT,
        help_text="Whether the survivor agrees to this notice. If not, do not send.",
    )


class ReferralIn(NoticeFields):
    """A referral: the service it is for, and its notice. What else it names (`notice_release`,
    `release`, `packet`, `external_ref`, `send`) is done in the same transaction, in this order, as
    by the acts put_notice_release, put_release, put_packet, set_external_ref and send: all of it or
    nothing. A refusal's `pointer` begins with the part that it is about."""

    service_id = Id()
    replaces = Id(
        default=None,
        allow_null=True,
        help_text="A referral of yours whose place it takes, with what is left of its plan, and"
        " with whom your side keeps out of it.",
    )
    notice_release = NoticeReleaseIn(
        default=None, allow_null=True, help_text="The body of put_notice_release."
    )
    release = ReleaseIn(default=None, allow_null=True, help_text="The body of put_release.")
    packet = packet_texts(default=None, allow_null=True)
    external_ref = Text(
        max_length=MAX_CHARS,
        default=None,
        allow_null=True,
        help_text="Its number in your own system; only your agency's side is shown it.",
    )
    send = SendAtOnceIn(
        default=None, allow_null=True, help_text="Leave it out, and it stays a draft."
    )


def taken_apart(body: dict[str, Any]) -> tuple[UUID, UUID | None, Parts]:
    """Take the service, the referral that is replaced, and the parts out of a body of `ReferralIn`;
    the notice is left in it."""
    service_id, replaces = body.pop("service_id"), body.pop("replaces")
    notice_release, release = body.pop("notice_release"), body.pop("release")
    send = body.pop("send")
    parts = Parts(
        notice_release=terms_of(notice_release) if notice_release else None,
        release=terms_of(release) if release else None,
        packet=body.pop("packet"),
        external_ref=body.pop("external_ref"),
        agreement=send["agreement"] if send else None,
    )
    return service_id, replaces, parts
