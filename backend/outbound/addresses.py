"""Which addresses of the network may be reached on behalf of a stranger: public ones alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from backend.errors import LinkRefused

Resolve = Callable[[str, int], Iterable[str]]  # a host's name and a port to its addresses
Network = IPv4Network | IPv6Network

# What Python calls global, and what is none of the public's: relays of IPv6 over IPv4, the whole
# block for protocols, and the address at which Azure answers its machines about themselves.
NOT_PUBLIC = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
UNICAST = ip_network("2000::/3")  # all that was given out of IPv6
# In it: protocols, examples, and Teredo and 6to4, which hide an IPv4 address.
NOT_UNICAST = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
NAT64 = ip_network("64:ff9b::/96")  # the public IPv4 addresses, as networks of IPv6 alone see them
LONGEST = 2_048  # characters of a link
FIRST_FREE_PORT = 1024  # below it lie mail, remote shells and other things that are no web


def check_url(url: str) -> None:
    """Refuse an address that no link or webhook may have; its host is not looked up.

    Raises:
        LinkRefused: it is too long, is not http or https, has no host, holds a password, or its
            port belongs to something else than the web.
    """
    if len(url) > LONGEST:
        raise LinkRefused(f"A link may have {LONGEST} characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise LinkRefused("This is not an address of the web.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise LinkRefused("A link must begin with http:// or https:// and name a server.")
    if parts.username is not None or parts.password is not None:
        raise LinkRefused("A link must not hold a user's name or a password.")
    if port is not None and port < FIRST_FREE_PORT and port not in (80, 443):
        raise LinkRefused(f"Links to port {port} are not followed.")


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as the system knows them; raises OSError where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def reachable(
    host: str, port: int, trusted: Collection[Network] = (), resolve: Resolve = resolve
) -> list[str]:
    """Look a host up, once, for a connection to what is returned and to nothing else.

    Who looks it up again may be told of another address: that is how a name is rebound.

    Args:
        trusted: networks of the operator's that may be reached beside the public ones.

    Returns:
        Its addresses, in the order in which they are to be tried.

    Raises:
        LinkRefused: it has none, or one that may not be reached. Both read the same, so that
            nobody learns from us which names an inner network has.
    """
    try:
        found = list(resolve(host, port))
        allowed = found and all(is_reachable(each, trusted) for each in found)
    except (OSError, ValueError):  # also a name that cannot be one
        allowed = False
    if not allowed:
        raise LinkRefused("The link does not lead to a public address.")
    return found


def is_reachable(address: str, trusted: Collection[Network] = ()) -> bool:
    """Whether an address is public, or in a trusted network.

    Args:
        address: IPv4 or IPv6; raises ValueError where it is neither.
    """
    found = ip_address(address)
    if any(found in network for network in trusted):
        return True
    if found.version == 6 and found in NAT64:
        found = IPv4Address(int(found) & 0xFFFFFFFF)
    if found.version == 4:
        usual = found.is_global and not (found.is_multicast or found.is_reserved)
        return usual and not any(found in network for network in NOT_PUBLIC)
    return found in UNICAST and not any(found in network for network in NOT_UNICAST)
