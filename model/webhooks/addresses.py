"""Which addresses webhooks may go to: those of the open internet, and the networks that the operator allows.

Nobody shall reach the operator's own network through the server (SSRF). A name is looked up at each attempt and every
address that it has is judged, in whatever form it is written; the connection then goes to exactly that address.
"""

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
# Python's is_global knows most of these, each version its own.
NEVER = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # Teredo; documentation; 6to4; documentation
        ),
    )
)
# Names are looked up in threads, which a slow name server keeps for long: not in those that others wait for.
_threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="webhooks")


def meant(text: str) -> Address:
    """The address that a text leads to: the IPv4 address inside an IPv4-mapped or NAT64 one."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def inside(address: Address, networks: Iterable[str]) -> bool:
    """Whether it is in one of the networks."""
    return any(address in ip_network(network) for network in networks)


def is_open(address: Address) -> bool:
    """Whether it is an address of the open internet, of one machine."""
    if isinstance(address, IPv6Address) and (address not in GLOBAL_UNICAST or address.scope_id):
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in NEVER)


async def looked_up(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [*dict.fromkeys(str(address[0]) for *_more, address in found)]


def allowed(addresses: Iterable[str], networks: Iterable[str], secure: bool) -> list[str]:
    """Those that may be connected to. Without TLS only addresses in the operator's networks may."""
    networks = [*networks]
    return [text for text in addresses if inside(meant(text), networks) or (secure and is_open(meant(text)))]
