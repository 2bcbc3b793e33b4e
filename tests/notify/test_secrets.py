"""Where a configuration names a secret, it is found."""

from kwatch.notify.base import Secret, SecretUrl
from kwatch.notify.channels.smtp import Config as Smtp
from kwatch.notify.channels.webhook import Config as Webhook
from kwatch.notify.credentials import secrets_in


def test_every_secret_of_every_receiver_is_found():
    url = SecretUrl(env="URL")
    header, key, password = (Secret(env=name) for name in ("HEADER", "KEY", "PASSWORD"))
    hook = Webhook(type="webhook", url=url, headers={"X-Token": header, "X-Plain": "text"}, sign=key)
    mail = Smtp.model_validate(
        {
            "type": "smtp",
            "host": "h",
            "from": "a@example.com",
            "to": ["b@example.com"],
            "username": "u",
            "password": password,
        }
    )

    assert list(secrets_in({"team": (hook, mail)})) == [url, header, key, password]
