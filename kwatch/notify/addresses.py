"""Addresses that no destination may have: where a cloud gives credentials to whoever asks from the machine (X-09).

Private and loopback addresses are allowed, as receivers inside the cluster are the main case. A literal is refused when
the configuration is loaded; a name may answer otherwise the next time, so what counts is the address that a socket is
about to be connected to, and that is looked at here.

    169.254.0.0/16, fe80::/10   link-local: AWS, Azure, GCP, OpenStack, DigitalOcean
    fd00:ec2::254               AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
    fd20:ce::254                GCP: https://cloud.google.com/compute/docs/metadata/querying-metadata
    100.100.100.200             Alibaba: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
    192.0.0.192                 Oracle, its older shapes
"""

import asyncio
import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

_REFUSED = tuple(
    map(
        ip_network,
        ("169.254.0.0/16", "100.100.100.200", "192.0.0.192", "fe80::/10", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_NUMERIC = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)

#: What asyncio and aiohttp know of an address: family, type, protocol, canonical name, where.
AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]


class RefusedAddressError(OSError):
    """The address is none that a destination may have."""

    def __init__(self) -> None:
        super().__init__("an address that no destination may have")


def check_host(host: str) -> None:
    """Raise ValueError for a literal address that is refused, however it is written; names are let through."""
    address = _literal(host)
    if address is not None and is_refused(address):
        raise ValueError(f"{host} is an address that no destination may have: cloud metadata is there")


def is_refused(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether no destination may have the address, or one that it stands for."""
    return any(each in network for each in _meant(address) for network in _REFUSED)


def vetted_socket(info: AddressInfo) -> socket.socket:
    """Return a socket for an address that is about to be connected to; raise RefusedAddressError for one refused."""
    family, type_, protocol, _, where = info
    if is_refused(ip_address(where[0])):
        raise RefusedAddressError
    made = socket.socket(family, type_, protocol)
    made.setblocking(False)
    return made


async def connected(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first vetted address of a host that answers; raise OSError for none."""
    loop = asyncio.get_running_loop()
    failure: OSError = ConnectionRefusedError()
    for info in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        made: socket.socket | None = None
        try:
            made = vetted_socket(info)
            await loop.sock_connect(made, info[4])
        except BaseException as error:
            if made is not None:
                made.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return made
    raise failure


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text is, also in the forms that a resolver takes: 2852039166, 0xa9.254.43518."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    if not _NUMERIC.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    yield address
    if isinstance(address, IPv6Address):
        embedded = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
        yield from (each for each in embedded if each is not None)
        if address in _NAT64 or int(address) < 2**32:
            yield IPv4Address(int(address) % 2**32)
