"""Who kwatch is to the API server, and how that stays true while tokens rotate.

`Credentials.access()` is asked before each request; what may have changed is read again in time: the token of a
ServiceAccount each minute, that of an exec plugin before it expires, and everything after a 401 (`renew`).
In a cluster only the mounted files are read; the `kubernetes` package, whose loader reads kubeconfig files, is imported
only where there is one: it costs 40 MiB and most of a second.
"""

import asyncio
import ipaddress
import logging
import os
import ssl
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from kwatch.clock import Clock, SystemClock
from kwatch.errors import ClusterError

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REREAD_AFTER = 60.0  # seconds; the kubelet replaces a bound token long before it expires
RETRY_AFTER = 10.0  # seconds until what could not be read again is tried again, while the old is in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one request needs. `authorization` is the header's value; empty with client certificates alone.

    Raise ClusterError for what can be in no header.
    """

    server: str  # without a slash at the end
    authorization: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None  # None: plain HTTP
    tls_server_name: str = ""
    proxy: str = field(default="", repr=False)  # a URL that may hold a password
    impersonation: tuple[tuple[str, str], ...] = ()  # headers: in whose name to ask

    def __post_init__(self) -> None:
        if not all(value.isprintable() for _, value in self.headers):
            raise ClusterError("the token, or in whose name to ask, holds a line break or another control character")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Who asks, and in whose name."""
        authorization = (("Authorization", self.authorization),) if self.authorization else ()
        return (*authorization, *self.impersonation)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and for how many seconds it is good; None: until it is refused."""

    access: Access
    valid_for: float | None


class Reader(Protocol):
    """Where credentials come from. `name` is the context's; empty in a cluster, where none is known."""

    name: str

    async def read(self, refused: Access | None) -> Reading:
        """Read everything; `refused` got a 401, so nothing of it may be taken from a cache. Raise ClusterError."""
        ...


class Credentials:
    """A way in to one API server; many requests may ask at once, one of them reads."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self.cluster_name = reader.name
        self._reader = reader
        self._clock = clock
        self._lock = asyncio.Lock()
        self._access: Access | None = None
        self._reread_at = float("inf")  # on the monotonic clock

    async def access(self) -> Access:
        """Return what is valid now. Raise ClusterError when it could never be read."""
        if self._access is not None and self._clock.monotonic() < self._reread_at:
            return self._access
        async with self._lock:
            if self._access is None:
                return await self._read(None)
            if self._clock.monotonic() >= self._reread_at:
                await self._reread()
            return self._access

    async def renew(self, refused: Access) -> Access | None:
        """Read everything again after a 401; None when that brings nothing new. Raise ClusterError."""
        async with self._lock:
            if self._access is refused:
                await self._read(refused)
            return self._access if self._access != refused else None

    async def _reread(self) -> None:
        """Read again in time; what was valid a moment ago stays in use when that fails."""
        try:
            await self._read(None)
        except ClusterError as error:
            self._reread_at = self._clock.monotonic() + RETRY_AFTER
            log.warning("credentials not read again", extra={"error": str(error)})

    async def _read(self, refused: Access | None) -> Access:
        reading = await self._reader.read(refused)
        self._access = reading.access
        self._reread_at = self._clock.monotonic() + (float("inf") if reading.valid_for is None else reading.valid_for)
        return reading.access


class ServiceAccount:
    """The credentials of the Pod, from the files that the kubelet keeps up to date."""

    name = ""

    def __init__(self, host: str, port: str, folder: Path = SERVICE_ACCOUNT) -> None:
        self._server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._folder = folder
        self._tls = TlsContexts()

    async def read(self, refused: Access | None) -> Reading:
        return Reading(await asyncio.to_thread(self._read), REREAD_AFTER)

    def _read(self) -> Access:
        try:
            token = (self._folder / "token").read_text().strip()
            tls = self._tls.get(str(self._folder / "ca.crt"))
        except (OSError, ValueError) as error:
            raise ClusterError(f"the ServiceAccount's files cannot be read: {error}") from error
        return Access(
            server=self._server, authorization=f"Bearer {token}", tls=tls, proxy=environment_proxy(self._server)
        )


class TlsContexts:
    """The last TLS context, kept while its files are the same: another one would mean new connections."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._context: ssl.SSLContext | None = None

    def get(self, ca: str = "", cert: str = "", key: str = "", *, verify: bool = True) -> ssl.SSLContext:
        """Return a context for these PEM files; without `ca` the system's are trusted. Raise OSError."""
        signature = (verify, *((path, Path(path).stat().st_mtime_ns) for path in (ca, cert, key) if path))
        if self._context is None or self._key != signature:
            self._context = _tls_context(ca, cert, key, verify)
            self._key = signature
        return self._context


def _tls_context(ca: str, cert: str, key: str, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # set since Python 3.13; the CAs of some clusters lack key usages
    if not verify:
        log.warning("the API server's certificate is not verified")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key or None)
    return context


def environment_proxy(server: str) -> str:
    """Return the proxy that the environment names for `server`, as kubectl reads it: never for this machine itself.

    NO_PROXY may hold names, suffixes, addresses and networks.
    """
    url = urlsplit(server)
    proxies = urllib.request.getproxies_environment()
    host = url.hostname or ""
    if host == "localhost" or urllib.request.proxy_bypass(host, proxies) or _is_in_network(host, proxies):
        return ""
    return proxies.get(url.scheme, "")


def _is_in_network(host: str, proxies: dict[str, str]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(_holds(network.strip(), address) for network in proxies.get("no", "").split(","))


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def find_kubeconfig(path: Path | None) -> str:
    """Return the kubeconfig files to read, joined as in $KUBECONFIG; empty when there are none.

    The path given, else $KUBECONFIG, else, outside of a cluster, `~/.kube/config`.
    """
    if path is not None:
        return str(path)
    if named := os.environ.get("KUBECONFIG", ""):
        return named
    default = os.path.expanduser("~/.kube/config")  # noqa: PTH111 - pathlib fails where a user has no home
    return default if os.path.exists(default) and not is_in_cluster() else ""  # noqa: PTH110 - as above


def is_in_cluster() -> bool:
    """Tell whether this process runs in a Pod with a ServiceAccount."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (SERVICE_ACCOUNT / "token").exists()


async def load_credentials(kubeconfig: Path | None, context: str | None, clock: Clock | None = None) -> Credentials:
    """Return working credentials: of the kubeconfig if there is one (see `find_kubeconfig`), else of the Pod.

    Raise ClusterError when there are neither, or when they cannot be read.
    """
    credentials = Credentials(await _reader(find_kubeconfig(kubeconfig), context), clock or SystemClock())
    await credentials.access()
    return credentials


async def _reader(kubeconfig: str, context: str | None) -> Reader:
    if kubeconfig:
        from kwatch.cluster.kubeconfig import Kubeconfig  # noqa: PLC0415 - its import is what must not cost a Pod

        return await Kubeconfig.open(kubeconfig, context)
    if is_in_cluster():
        return ServiceAccount(os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    raise ClusterError("no cluster: there is no kubeconfig, and this is not a Pod with a ServiceAccount")
