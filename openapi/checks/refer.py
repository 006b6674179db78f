"""A referral from a token to `completed`, by the client that is generated from the contract.

Nothing here is cast: what the contract does not say, this program cannot use. It learns from its
environment where the server is and who the two systems are, and prints what each step led to.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import jwt
from cairn_api import AuthenticatedClient, Client, models
from cairn_api.api.directory import directory_services
from cairn_api.api.oauth import issue_token
from cairn_api.api.referrals import (
    accept,
    acknowledge,
    complete,
    create_referral,
    open_packet,
    read_referral,
    start_handoff,
)

CAIRN = os.environ["CAIRN"]
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Answer = TypeVar("Answer")


def answered(found: object, kind: type[Answer]) -> Answer:
    """Return what an answer holds; a refusal ends the program with its code."""
    if isinstance(found, kind):
        return found
    raise SystemExit(str(found))


def system(name: str) -> AuthenticatedClient:
    """Return a client with the token of one of the two systems (RFC 7523, ES256)."""
    client_id = os.environ[f"{name}_ID"]
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{CAIRN}/oauth/token",
        "exp": int(time.time()) + 60,
        "jti": str(uuid4()),
    }
    key, key_id = Path(os.environ[f"{name}_KEY"]).read_text(), os.environ[f"{name}_KEY_ID"]
    asked = models.IssueTokenBody(
        grant_type=models.IssueTokenBodyGrantType("client_credentials"),
        client_assertion_type=models.IssueTokenBodyClientAssertionType(JWT_BEARER),
        client_assertion=jwt.encode(claims, key, algorithm="ES256", headers={"kid": key_id}),
    )
    granted = issue_token.sync(client=Client(base_url=CAIRN), body=asked)
    token = answered(granted, models.IssueTokenResponse200).access_token
    return AuthenticatedClient(base_url=CAIRN, token=token)


officer, advocate = os.environ["POLICE_MEMBER"], os.environ["YWCA_MEMBER"]

# -- The sender ------------------------------------------------------------------------------------

police = system("POLICE")
page = answered(
    directory_services.sync(
        client=police,
        answered_by=UUID(os.environ["YWCA_AGENCY"]),
        intake=models.DirectoryServicesIntake.TAKING,
    ),
    models.DirectoryServicePageOut,
)
now = datetime.now(UTC)
attested = models.ReleaseInAttestationsItem
release = models.ReleaseIn(
    basis=models.ReleaseInBasis.STATED_AGREEMENT,
    purpose=models.ReleaseInPurpose.RECEIVE_SERVICE,
    fields=[models.ReleaseInFieldsItem.NAME, models.ReleaseInFieldsItem.PHONE],
    form=models.ReleaseInForm.ORAL_WITNESSED,
    signed_at=now,
    expires_at=now + timedelta(days=6),
    attestations=[
        attested.RISKS_EXPLAINED,
        attested.ALTERNATIVES_OFFERED,
        attested.NOT_A_CONDITION_OF_SERVICE,
        attested.PLATFORM_EXPLAINED,
        attested.RIGHT_TO_REVOKE_TOLD,
        attested.MAY_BE_REDISCLOSED_TOLD,
        attested.TOLD_NO_EFFECT_ON_CASE,
    ],
    consenters=[models.ConsenterIn(models.ConsenterInWho.SELF, now, not_the_abuser=True)],
    adult=True,
)
referral = models.ReferralIn(
    service_id=page.contents[0].id,
    urgency=models.ReferralInUrgency.URGENT,
    needs=[models.ReferralInNeedsItem.SHELTER],
    callback="406-555-0111",
    release=release,
    packet=models.ReferralInPacketType0(name="Invented Person", phone="406-555-0199"),
    send=models.SendAtOnceIn(models.SendAtOnceInAgreement.AGREES),
)
sent = answered(
    create_referral.sync(
        client=police, body=referral, acting_member=officer, idempotency_key=str(uuid4())
    ),
    models.ReferralOut,
)
print(sent.status.value)

# -- The recipient ---------------------------------------------------------------------------------

ywca, nothing = system("YWCA"), models.NothingIn()


def shown(found: object) -> models.ReferralOut:
    return answered(found, models.ReferralOut)


seen = shown(read_referral.sync(sent.id, client=ywca, acting_member=advocate))
print(seen.status.value, ",".join(need.value for need in seen.notice.needs))
taken = shown(acknowledge.sync(sent.id, client=ywca, body=nothing, acting_member=advocate))
print(taken.status.value)
accepted = shown(accept.sync(sent.id, client=ywca, body=nothing, acting_member=advocate))
print(accepted.status.value)
purpose = models.PurposeIn(models.PurposeInPurpose.INTAKE)
opened = answered(
    open_packet.sync(sent.id, client=ywca, body=purpose, acting_member=advocate), models.PacketOut
)
print(",".join(sorted(opened.packet.to_dict())))
by_phone = models.StartHandoffIn(models.StartHandoffInMode.PHONE)
shown(start_handoff.sync(sent.id, client=ywca, body=by_phone, acting_member=advocate))
connected = models.CompleteIn(models.CompleteInOutcome.CONNECTED)
done = shown(complete.sync(sent.id, client=ywca, body=connected, acting_member=advocate))
print(done.status.value)

# -- A refusal has a code that the contract names --------------------------------------------------

again = accept.sync_detailed(sent.id, client=ywca, body=nothing, acting_member=advocate)
problem = answered(again.parsed, models.Problem)
state = problem.current_state
print(
    again.status_code.value,
    problem.code.value,
    state.value if isinstance(state, models.ProblemCurrentState) else None,
)
