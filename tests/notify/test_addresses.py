"""No destination is at an address where a cloud gives credentials away; private and loopback ones are allowed."""

import asyncio
import dataclasses
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kwatch.config.load import load
from kwatch.errors import ConfigError, Failure, PermanentSendError, Reason
from kwatch.notify.addresses import RefusedAddressError, check_host, connected, is_refused, vetted_socket
from kwatch.notify.base import Secret
from kwatch.notify.channels import slack, smtp, webhook
from kwatch.notify.http import system_transport
from tests.notify.samples import ALONE, delivery, notification, tools_for

REFUSED = (
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "febf:ffff::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "192.0.0.192",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
)
ALLOWED = (
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "fc00::1",
    "169.253.255.255",
    "169.255.0.0",
    "fec0::1",
    "93.184.216.34",
    "2606:2800::1",
    "::ffff:10.0.0.1",
)
#: What a resolver takes for 169.254.169.254.
DISGUISED = ("2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]")


@pytest.mark.parametrize("address", REFUSED)
def test_X09_an_address_of_cloud_metadata_is_refused(address: str) -> None:
    assert is_refused(ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_X09_private_loopback_and_public_addresses_are_allowed(address: str) -> None:
    assert not is_refused(ip_address(address))


@pytest.mark.parametrize("host", [*REFUSED, *DISGUISED])
def test_X09_a_literal_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(ValueError, match="no destination may have"):
        check_host(host)


@pytest.mark.parametrize("host", [*ALLOWED, "hooks.example.com", "localhost", "cafe", "0x", "1.2.3.4.5"])
def test_X09_names_and_other_addresses_are_let_through(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize(
    ("config", "keys", "field"),
    [
        (
            webhook.Config,
            {"type": "webhook", "url": "http://169.254.169.254/latest"},
            ("url", "function-after[_check_url(), str]"),
        ),
        (
            webhook.Config,
            {"type": "webhook", "url": "https://a.example.com", "proxy": "http://[fe80::1]:3128"},
            ("proxy",),
        ),
        (
            slack.Config,
            {"type": "slack", "token": {"env": "T"}, "channel": "#a", "api_url": "http://0xa9fea9fe/api/"},
            ("api_url",),
        ),
        (smtp.Config, {"type": "smtp", "host": "169.254.1.1", "from": "a@b.c", "to": "a@b.c"}, ("host",)),
    ],
)
def test_X09_every_address_of_a_destination_is_refused_at_load(
    config: Any, keys: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        config.model_validate(keys)
    assert [error["loc"][:1] for error in caught.value.errors()] == [field[:1]]
    assert "no destination may have" in str(caught.value)


def test_X09_a_url_in_a_secret_is_refused_at_load_without_being_told(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://169.254.169.254/canary-path")
    (tmp_path / "kwatch.yaml").write_text(f"receivers: {{a: [{{type: webhook, url: {{file: {tmp_path / 'url'}}}}}]}}")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "kwatch.yaml", environ={})
    said = "holds a URL at an address that no destination may have, or none that can be read"
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        f"the secret file {tmp_path / 'url'} {said}"
    ]


@pytest.mark.parametrize("host", ["169.254.169.254", "0xa9fea9fe", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_X09_what_a_name_resolves_to_is_refused_at_connect(host: str, tmp_path: Path) -> None:
    """As at load it was another: the URL stands in a secret that was changed, and the resolver knows the number."""
    (tmp_path / "url").write_text(f"http://{host}/latest")
    tools = dataclasses.replace(tools_for(), transport=system_transport)
    config = webhook.Config.model_construct(type="webhook", name="hook", url=Secret(file=tmp_path / "url"))

    async def send() -> None:
        channel = webhook.create(config, tools)
        message = channel.render(notification(), ALONE, degraded=False)
        try:
            await channel.send(message, delivery(notification(), message))
        finally:
            await channel.close()

    with pytest.raises(PermanentSendError) as caught:
        asyncio.run(send())
    assert (caught.value.failure, caught.value.reason) == (Failure.DESTINATION, Reason.ADDRESS)


def test_X09_a_mail_server_is_vetted_at_connect() -> None:
    with pytest.raises(RefusedAddressError):
        asyncio.run(connected("2852039166", 25))


def test_X09_the_socket_is_for_the_vetted_address() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))
    with pytest.raises(RefusedAddressError):
        vetted_socket(info)
