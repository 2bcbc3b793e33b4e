"""Credentials from kubeconfig files, through the loader of the `kubernetes` package.

The loader merges files, picks the context and reads certificates, tokens and auth providers. Three of its habits are
replaced: an exec plugin has a time limit here, its failure is an error (the loader logs it and goes on without
credentials), and nothing is ever written back. The context stays the one of the start when somebody switches it.
"""

import asyncio
import datetime
import json
import logging
import os
import signal
import ssl
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec
import yaml
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.kube_config import ConfigNode, FileOrData, KubeConfigLoader, KubeConfigMerger

from kwatch.cluster.credentials import REREAD_AFTER, Access, Reading, TlsContexts, environment_proxy
from kwatch.errors import ClusterError

EXEC_TIMEOUT = 60.0  # seconds; an exec plugin may have to ask a browser
EXPIRY_MARGIN = 60.0  # seconds before the end of a plugin's token at which it is asked again


class _ExecStatus(msgspec.Struct, frozen=True, rename="camel"):
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats"""

    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime.datetime | None = None

    def seconds_left(self) -> float | None:
        """Return how long the plugin's answer may be used; None: until it is refused."""
        if self.expiration_timestamp is None:
            return None
        left = self.expiration_timestamp - datetime.datetime.now(datetime.UTC)  # the plugin's word is wall time
        return left.total_seconds() - EXPIRY_MARGIN


class _ExecCredential(msgspec.Struct, frozen=True):
    status: _ExecStatus


_T = TypeVar("_T")

log = logging.getLogger(__name__)

_EXEC_CREDENTIAL = msgspec.json.Decoder(_ExecCredential)


class Kubeconfig:
    """One context of one or more kubeconfig files: a `Reader`."""

    def __init__(self, files: str, name: str, patience: float) -> None:
        self.name = name
        self._files = files
        self._patience = patience
        self._tls = TlsContexts()
        self._exec: _ExecStatus | None = None

    @classmethod
    async def open(cls, files: str, context: str | None, patience: float = EXEC_TIMEOUT) -> Self:
        """Pin the context: the one named, else the current one. Raise ClusterError when it is not there.

        `patience`: seconds for an exec plugin or an identity provider.
        """
        loader = await _guarded(asyncio.to_thread(_Loader.of, files, context, None))
        return cls(files, loader.context_name, patience)

    async def read(self, refused: Access | None) -> Reading:
        known = self._exec if refused is None else None
        return await _guarded(self._read(known))

    async def _read(self, known: _ExecStatus | None) -> Reading:
        loader = await asyncio.to_thread(_Loader.of, self._files, self.name, known)
        settings = _Settings()
        async with asyncio.timeout(self._patience):
            await loader.load_and_set(settings)
        self._exec = loader.exec_status
        access = await asyncio.to_thread(self._access, settings, loader.impersonation())
        return Reading(access, loader.valid_for())

    def _access(self, settings: "_Settings", impersonation: tuple[tuple[str, str], ...]) -> Access:
        if not settings.host.startswith(("https://", "http://")):
            raise ClusterError(f"the kubeconfig's server is no http or https URL: {settings.host!r}")
        proxy = settings.proxy or environment_proxy(settings.host)
        if proxy and not proxy.startswith(("http://", "https://")):
            raise ClusterError("only http and https proxies are supported")
        return Access(
            server=settings.host,
            authorization=settings.api_key.get("BearerToken", ""),
            tls=self._tls_context(settings) if settings.host.startswith("https://") else None,
            tls_server_name=settings.tls_server_name,
            proxy=proxy,
            impersonation=impersonation,
        )

    def _tls_context(self, settings: "_Settings") -> ssl.SSLContext:
        return self._tls.get(
            settings.ssl_ca_cert or "", settings.cert_file or "", settings.key_file or "", verify=settings.verify_ssl
        )


@dataclass(slots=True)
class _Settings:
    """What the loader fills in: the attributes of the package's `Configuration` that it sets."""

    host: str = ""
    api_key: dict[str, str] = field(default_factory=dict, repr=False)
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_ssl: bool = True
    tls_server_name: str = ""
    proxy: str = ""


class _Loader(KubeConfigLoader):  # type: ignore[misc]  # the package has no types
    """The package's loader with an exec plugin that ends and that may not fail in silence."""

    _user: Any  # a ConfigNode, which the package's loader sets; None when the context names none that is there

    def __init__(self, files: str, context: str | None, known: _ExecStatus | None) -> None:
        if not any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file):
            raise ConfigException(f"no such file: {files}")
        merged = KubeConfigMerger(files).config
        if context is None and not merged.safe_get("current-context"):
            raise ConfigException("it has no current context: choose one with --context")
        super().__init__(config_dict=merged, active_context=context, config_base_path=None)
        self.exec_status = known
        if self._user is None:  # the loader fails at an https server for nobody
            user = self.current_context["context"].get("user")
            if user:
                raise ConfigException(f"there is no user {user!r}")
            self._user = ConfigNode("nobody", {})

    @classmethod
    def of(cls, files: str, context: str | None, known: _ExecStatus | None) -> Self:
        """Read the files: blocking."""
        return cls(files, context, known)

    @property
    def context_name(self) -> str:
        return str(self.current_context["name"])

    def valid_for(self) -> float | None:
        """Return for how many seconds what was loaded is good."""
        if self.exec_status is not None:
            return self.exec_status.seconds_left()
        renewable = self._user is not None and ("tokenFile" in self._user or "auth-provider" in self._user)
        return REREAD_AFTER if renewable else None

    def impersonation(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that ask in another's name, as client-go sends them; the package's loader ignores them.

        https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
        """
        user: Mapping[str, Any] = self._user.value
        extra = user.get("as-user-extra") or {}
        headers = [("Impersonate-Uid", user["as-uid"])] if user.get("as-uid") else []
        headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
        headers += [(f"Impersonate-Extra-{quote(key, safe='')}", value) for key in extra for value in extra[key]]
        if user.get("as"):
            return (("Impersonate-User", user["as"]), *headers)
        if headers:
            raise ConfigException("as-uid, as-groups and as-user-extra need `as`: whom they belong to")
        return ()

    async def load_from_exec_plugin(self) -> bool:
        """Take the place of the loader's method of this name, which swallows every error."""
        status = self.exec_status
        left = None if status is None else status.seconds_left()
        if status is None or (left is not None and left <= 0):
            status = self.exec_status = await _run_plugin(self._user["exec"].value, self._exec_folder(), self._info())
        if status.token:
            self.token = f"Bearer {status.token}"
        if status.client_certificate_data:
            self.cert_file = _as_file("certificate", status.client_certificate_data)
            self.key_file = _as_file("key", status.client_key_data)
        return True

    def _exec_folder(self) -> Path:
        return Path(self._user.path or ".").absolute().parent

    def _info(self) -> str:
        """Return what plugins are told in $KUBERNETES_EXEC_INFO."""
        plugin = self._user["exec"].value
        spec: dict[str, Any] = {"interactive": False}
        if plugin.get("provideClusterInfo"):
            spec["cluster"] = dict(self._cluster.value)
        return json.dumps({"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec})


def _as_file(name: str, content: str) -> str:
    """Return a private temporary file, which TLS contexts need; the package removes it at exit."""
    return str(FileOrData({name: content}, "", data_key_name=name, base64_file_content=False).as_file())


async def _run_plugin(plugin: Mapping[str, Any], folder: Path, info: str) -> _ExecStatus:
    """Run an exec plugin as client-go does. Raise ClusterError with the first line of what it complains about."""
    command = str(plugin["command"])
    if "/" in command:
        command = str(folder / command)
    log.info("asking the kubeconfig's exec plugin", extra={"command": command})
    environment = os.environ | {entry["name"]: entry["value"] for entry in plugin.get("env") or ()}
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *(plugin.get("args") or ()),
            env=environment | {"KUBERNETES_EXEC_INFO": info},
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ClusterError(f"exec plugin {command} cannot be run: {error.strerror}") from error
    try:
        output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        first = complaint.decode(errors="replace").strip().partition("\n")[0][:200]
        raise ClusterError(f"exec plugin {command} failed with exit code {process.returncode}: {first}")
    return _status_of(command, output)


def _status_of(command: str, output: bytes) -> _ExecStatus:
    try:
        status = _EXEC_CREDENTIAL.decode(output).status
    except msgspec.DecodeError:
        raise ClusterError(f"exec plugin {command} gave no ExecCredential") from None  # the output may hold a token
    if not status.token and not (status.client_certificate_data and status.client_key_data):
        raise ClusterError(f"exec plugin {command} gave neither a token nor a certificate with its key")
    return status


async def _guarded(reading: Awaitable[_T]) -> _T:
    """Raise ClusterError for what the loader raises; its own texts may hold whole entries with their tokens."""
    try:
        return await reading
    except TimeoutError:
        raise ClusterError("the kubeconfig's exec plugin or identity provider gave no answer in time") from None
    except ConfigException as error:
        raise ClusterError(f"the kubeconfig cannot be used: {str(error).partition(' in ')[0]}") from None
    except OSError as error:
        raise ClusterError(f"the kubeconfig or a file that it names cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ClusterError(f"the kubeconfig cannot be used: line {line} is not YAML") from None
    except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise ClusterError(
            f"the kubeconfig cannot be used: it is empty, or not written as one ({type(error).__name__})"
        ) from None
