"""From where a partner system may come (TH2): networks in CIDR form (RFC 4632, RFC 4291).

A token that was stolen, or a key, is of no use elsewhere. Where an agency names none, its system
may come from anywhere.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

import structlog

from permissions.errors import BadRequest

log = structlog.get_logger()

MOST_NETWORKS = 50
WIDEST = {4: 8, 6: 19}  # in bits: what is wider, no one organization was ever given

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def canonical_networks(given: Iterable[str]) -> list[str]:
    """The networks as they are kept, each once, in order; a single address is a network of one.

    Raises BadRequest: no network, bits set behind its prefix, wider than WIDEST, more than MOST.
    """
    found = sorted({_network(text) for text in given}, key=lambda one: (one.version, one))
    if len(found) > MOST_NETWORKS:
        raise BadRequest(detail=f"A partner system comes from {MOST_NETWORKS} networks at most.")
    return [str(one) for one in found]


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise BadRequest(
            detail=f"{ascii(text)[:60]} is no network: write it like 203.0.113.0/24 or"
            " 2001:db8:1::/48, with nothing set behind the prefix."
        ) from None
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise BadRequest(detail="Write a network of IPv4 as such: callers are told apart by it.")
    if network.prefixlen < WIDEST[network.version]:
        raise BadRequest(
            detail=f"{network} is too wide to keep anybody out: /{WIDEST[network.version]} at most;"
            " for a system that may come from anywhere name none."
        )
    return network


def is_allowed(address: str, networks: Sequence[str] | None, agency_id: UUID) -> bool:
    """Whether a system of this agency, held to these networks, may come from this address: one that
    is held to none from anywhere. What may not is told to the operator, too."""
    if not networks or is_within(address, tuple(networks)):
        return True
    log.warning("client_from_elsewhere", agency=str(agency_id))
    return False


@lru_cache(4096)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address lies in one of them. What is no address lies in none."""
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped  # of a socket that takes both
    return any(caller in ipaddress.ip_network(one) for one in networks)
