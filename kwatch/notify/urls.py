"""URLs and hosts as people write them: what is none is refused when the configuration is loaded."""

import re
from ipaddress import ip_address

import httpx

from kwatch.notify.addresses import check_host

_NAME = re.compile(r"[\w.-]+")
_PORTS = 65_535


def parse_url(value: str) -> httpx.URL:
    """Return a URL in its parts. ValueError for what is none, or has a host or a port that cannot be."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        raise ValueError("not a URL") from None
    if url.host:
        check_name(url.host)
    if url.port is not None and not 0 < url.port <= _PORTS:
        raise ValueError(f"not a URL: a port is from 1 to {_PORTS}")
    return url


def check_url_address(value: str) -> None:
    """Raise ValueError for a URL at an address that no destination may have; other texts are let through."""
    if value.startswith(("http://", "https://")):
        check_host(parse_url(value).host)


def check_proxy(value: str) -> str:
    """Return what is a proxy; ValueError for what is none."""
    url = parse_url(value)
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise ValueError("not a proxy; write http://host:port, or {file: PATH} where it has a user")
    return value


def check_name(host: str) -> str:
    """Return what may be a host: a name, or an address; ValueError for what can be neither."""
    if not _NAME.fullmatch(host):
        try:
            ip_address(host)
        except ValueError:
            raise ValueError("not a host: write a name or an address, and nothing else") from None
    return host
