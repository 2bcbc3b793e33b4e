"""Who kwatch is: the Pod's files, kubeconfig files, exec plugins, proxies. P4."""

import asyncio
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from kwatch.cluster.credentials import (
    Access,
    Credentials,
    ServiceAccount,
    environment_proxy,
    find_kubeconfig,
    load_credentials,
)
from kwatch.cluster.kubeconfig import Kubeconfig
from kwatch.errors import ClusterError


class ManualClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def awake(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def account(tmp_path: Path, authority: trustme.CA) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("first\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_P4_a_token_file_is_read_again_each_minute(account: Path) -> None:
    async def main() -> list[str]:
        clock = ManualClock()
        credentials = Credentials(ServiceAccount("10.0.0.1", "443", account), clock)
        seen = [await credentials.access()]
        (account / "token").write_text("second")
        clock.seconds = 59
        seen.append(await credentials.access())
        clock.seconds = 60
        seen.append(await credentials.access())
        assert seen[0].tls is seen[2].tls
        assert seen[0].server == "https://10.0.0.1:443"
        return [access.authorization for access in seen]

    assert asyncio.run(main()) == ["Bearer first", "Bearer first", "Bearer second"]


def test_P4_a_token_file_is_read_again_after_a_401_once_for_all(account: Path) -> None:
    async def main() -> None:
        credentials = Credentials(ServiceAccount("::1", "443", account), ManualClock())
        refused = await credentials.access()
        assert refused.server == "https://[::1]:443"
        assert await credentials.renew(refused) is None
        refused = await credentials.access()
        (account / "token").write_text("second")
        first, second = await asyncio.gather(credentials.renew(refused), credentials.renew(refused))
        assert first is not None
        assert first is second
        assert first.authorization == "Bearer second"

    asyncio.run(main())


def test_a_token_file_that_is_gone_for_a_moment_leaves_the_old_token_in_use(account: Path) -> None:
    async def main() -> None:
        clock = ManualClock()
        credentials = Credentials(ServiceAccount("10.0.0.1", "443", account), clock)
        await credentials.access()
        (account / "token").unlink()
        clock.seconds = 60
        assert (await credentials.access()).authorization == "Bearer first"
        (account / "token").write_text("second")
        clock.seconds = 70
        assert (await credentials.access()).authorization == "Bearer second"

    asyncio.run(main())


def test_no_secret_shows_in_a_repr() -> None:
    assert "secret" not in repr(Access(server="https://x", authorization="Bearer secret", proxy="http://u:secret@p"))


def test_a_token_that_is_no_header_is_an_error_that_does_not_repeat_it(account: Path) -> None:
    (account / "token").write_text("sec\nret")
    with pytest.raises(ClusterError, match="the token, or in whose name to ask, holds a line break") as caught:
        asyncio.run(Credentials(ServiceAccount("10.0.0.1", "443", account), ManualClock()).access())
    assert "sec" not in str(caught.value)


# Kubeconfig


def kubeconfig(folder: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> Path:
    path = folder / "config"
    path.write_text(
        json.dumps(
            {
                "current-context": "prod",
                "clusters": [
                    {"name": "c", "cluster": {"server": "https://api.example.com:6443/", **(cluster or {})}},
                    {"name": "d", "cluster": {"server": "http://127.0.0.1:1"}},
                ],
                "users": [{"name": "u", "user": user}],
                "contexts": [
                    {"name": "prod", "context": {"cluster": "c", "user": "u"}},
                    {"name": "dev", "context": {"cluster": "d", "user": "u"}},
                ],
            }
        )
    )
    return path


def load(path: Path, context: str | None = None) -> tuple[str, Access]:
    async def main() -> tuple[str, Access]:
        credentials = await load_credentials(path, context)
        return credentials.cluster_name, await credentials.access()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("context", "name", "server"),
    [(None, "prod", "https://api.example.com:6443"), ("dev", "dev", "http://127.0.0.1:1")],
)
def test_the_context_is_the_current_one_or_the_one_that_is_named(
    tmp_path: Path, context: str | None, name: str, server: str
) -> None:
    cluster_name, access = load(kubeconfig(tmp_path, {"token": "t"}), context)
    assert (cluster_name, access.server, access.authorization) == (name, server, "Bearer t")


def test_the_clusters_own_words_are_kept(tmp_path: Path, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    cluster = {
        "certificate-authority": "ca.crt",
        "tls-server-name": "kube.internal",
        "proxy-url": "http://proxy.example.com:3128",
    }
    _, access = load(kubeconfig(tmp_path, {"token": "t"}, cluster))
    assert (access.tls_server_name, access.proxy) == ("kube.internal", "http://proxy.example.com:3128")
    assert access.tls is not None
    assert len(access.tls.get_ca_certs()) == 1


def test_a_client_certificate_needs_no_token(tmp_path: Path, authority: trustme.CA) -> None:
    issued = authority.issue_cert("kwatch")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    _, access = load(kubeconfig(tmp_path, {"client-certificate": "client.pem", "client-key": "client.pem"}))
    assert access.authorization == ""
    assert access.tls is not None


def test_skipping_the_verification_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, access = load(kubeconfig(tmp_path, {"token": "t"}, {"insecure-skip-tls-verify": True}))
    assert access.tls is not None
    assert not access.tls.check_hostname
    assert "the API server's certificate is not verified" in caplog.messages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"proxy-url": "socks5://p:1"}, "only http and https proxies"),
        ({"certificate-authority": "missing.crt"}, "File does not exist"),
        ({"server": "api.example.com"}, "no http or https URL"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_an_error(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        load(kubeconfig(tmp_path, {"token": "t"}, change))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it is empty, or not written as one"),
        ("[1]", "it is empty, or not written as one"),
        ("apiVersion: v1\na: [", "line 2 is not YAML"),
        ('{"clusters": 3, "contexts": [], "users": []}', "it is empty, or not written as one"),
        ("{apiVersion: v1, clusters: [], contexts: [], users: []}", "it has no current context: choose one with"),
    ],
)
def test_a_kubeconfig_in_another_form_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ClusterError, match=message):
        load(path)


def test_a_context_without_a_user_is_nobody_and_one_with_a_missing_user_is_an_error(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"token": "t"})
    path.write_text(path.read_text().replace('"user": "u"}}', '"user": "v"}}'))
    with pytest.raises(ClusterError, match="there is no user 'v'"):
        load(path)
    path.write_text(path.read_text().replace(', "user": "v"}}', "}}"))
    _, access = load(path)
    assert (access.server, access.authorization) == ("https://api.example.com:6443", "")


def test_a_missing_kubeconfig_and_a_missing_context_are_errors_without_secrets(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no such file"):
        load(tmp_path / "nope")
    with pytest.raises(ClusterError, match="name nope") as caught:
        load(kubeconfig(tmp_path, {"token": "hidden"}), "nope")
    assert "hidden" not in str(caught.value)


def test_P4_a_token_file_of_a_kubeconfig_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    path = kubeconfig(tmp_path, {"tokenFile": "token"})

    async def main() -> list[str]:
        clock = ManualClock()
        credentials = await load_credentials(path, None, clock)
        seen = [await credentials.access()]
        (tmp_path / "token").write_text("second")
        clock.seconds = 60
        return [access.authorization for access in (*seen, await credentials.access())]

    assert asyncio.run(main()) == ["Bearer first", "Bearer second"]


# Exec plugins


def plugin(folder: Path, script: str) -> dict[str, Any]:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "args": ["login"]}}


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def numbered(folder: Path, **status: str) -> dict[str, Any]:
    """Return a plugin whose n-th answer has the token `t<n>`."""
    count = f"echo x >> {folder}/calls; n=$(wc -l < {folder}/calls)"
    return plugin(folder, f"{count}; printf '%s' '{credential(token='tN', **status)}' | sed s/tN/t$n/")


def test_P4_an_exec_plugin_is_asked_again_after_a_401_and_not_before(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, numbered(tmp_path))

    async def main() -> list[str]:
        clock = ManualClock()
        credentials = await load_credentials(path, None, clock)
        first = await credentials.access()
        clock.seconds = 7200
        again = await credentials.access()
        renewed = await credentials.renew(again)
        assert renewed is not None
        return [first.authorization, again.authorization, renewed.authorization]

    assert asyncio.run(main()) == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_an_exec_plugins_token_is_renewed_when_it_expires(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, numbered(tmp_path, expirationTimestamp="2000-01-01T00:00:00Z"))
    assert load(path)[1].authorization == "Bearer t2"


def test_an_exec_plugin_ends_with_the_patience_for_it(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, plugin(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600"))

    async def main() -> None:
        reader = await Kubeconfig.open(str(path), None, patience=0.5)
        await reader.read(None)

    with pytest.raises(ClusterError, match="gave no answer in time"):
        asyncio.run(main())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'please log in' >&2; echo more >&2; exit 3", "plugin failed with exit code 3: please log in$"),
        ("echo no json", "gave no ExecCredential"),
        (f"echo '{credential()}'", "neither a token nor a certificate"),
    ],
    ids=["exit code", "no json", "nothing"],
)
def test_a_failing_exec_plugin_is_an_error_and_never_nobody(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        load(kubeconfig(tmp_path, plugin(tmp_path, script)))


def test_an_exec_plugin_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./nope"}}
    with pytest.raises(ClusterError, match="cannot be run: No such file"):
        load(kubeconfig(tmp_path, user))


def test_a_user_asks_in_the_name_of_another(tmp_path: Path) -> None:
    user = {
        "token": "secret",
        "as": "jane",
        "as-uid": "7",
        "as-groups": ["team-a", "on-call"],
        "as-user-extra": {"acme.com/scopes": ["view", "list"]},
    }
    assert load(kubeconfig(tmp_path, user))[1].headers == (
        ("Authorization", "Bearer secret"),
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "team-a"),
        ("Impersonate-Group", "on-call"),
        ("Impersonate-Extra-acme.com%2Fscopes", "view"),
        ("Impersonate-Extra-acme.com%2Fscopes", "list"),
    )


@pytest.mark.parametrize("user", [{"token": "sec\r\nret"}, {"token": "secret", "as": "jane\n"}])
def test_what_is_no_header_is_an_error(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="holds a line break or another control character"):
        load(kubeconfig(tmp_path, user))


def test_groups_of_nobody_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="need `as`: whom they belong to"):
        load(kubeconfig(tmp_path, {"token": "secret", "as-groups": ["team-a"]}))


def test_where_a_user_has_no_home_there_is_no_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "~")  # what is found for a user whom no list names, as in many containers
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert find_kubeconfig(None) == ""


# Proxies


@pytest.mark.parametrize(
    ("server", "no_proxy", "proxy"),
    [
        ("https://api.example.com:6443", "", "http://proxy:3128"),
        ("https://api.example.com:6443", "other.com,.example.com", ""),
        ("https://10.1.2.3", "10.0.0.0/8", ""),
        ("https://10.1.2.3", "not/a/network,192.168.0.0/16", "http://proxy:3128"),
        ("https://127.0.0.1:6443", "", ""),
        ("https://[::1]:6443", "", ""),
        ("https://localhost:6443", "", ""),
        ("http://api.example.com", "", ""),
    ],
)
def test_the_environment_names_the_proxy_as_for_kubectl(
    monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert environment_proxy(server) == proxy
