"""The networks that a partner system may call from (TH2), in CIDR form (RFC 4632, RFC 4291).

A stolen token or key is of no use outside of them. If an agency names none, its system may call
from anywhere.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

import structlog

from permissions.errors import BadRequest

log = structlog.get_logger()

MOST_NETWORKS = 50
WIDEST = {4: 8, 6: 19}  # prefix bits: no single organization was ever given a wider network

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def canonical_networks(given: Iterable[str]) -> list[str]:
    """The networks as they are stored, each once, in order; a single address is a network of one.

    Raises BadRequest: a text is not a network, has bits set after its prefix or is wider than
    WIDEST, or there are more than MOST_NETWORKS.
    """
    found = sorted({_network(text) for text in given}, key=lambda one: (one.version, one))
    if len(found) > MOST_NETWORKS:
        raise BadRequest(detail=f"An allow-list has at most {MOST_NETWORKS} networks.")
    return [str(one) for one in found]


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise BadRequest(
            detail=f"{ascii(text)[:60]} is not a network: write it like 203.0.113.0/24 or"
            " 2001:db8:1::/48, with no bit set after the prefix."
        ) from None
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise BadRequest(detail="Write an IPv4 network in IPv4 form: callers are matched by it.")
    if network.prefixlen < WIDEST[network.version]:
        raise BadRequest(
            detail=f"{network} is too wide to keep anyone out: the prefix must be at least"
            f" /{WIDEST[network.version]}. For a system that may call from anywhere, give none."
        )
    return network


def is_allowed(address: str, networks: Sequence[str] | None, agency_id: UUID) -> bool:
    """Whether a system of this agency with these allowed networks may call from this address. A
    system without any may call from anywhere. A refusal is also logged for the operator."""
    if not networks or is_within(address, tuple(networks)):
        return True
    log.warning("client_from_elsewhere", agency=str(agency_id))
    return False


@lru_cache(4096)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address is in one of the networks. A text that is not an address is in none."""
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped  # from a socket that accepts both versions
    return any(caller in ipaddress.ip_network(one) for one in networks)
