"""The secrets of a configuration: where they are named, and whether they are others than when they were used."""

from collections.abc import Callable, Iterator, Mapping

from pydantic import BaseModel

from kwatch.errors import PermanentSendError
from kwatch.notify.base import Secret


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield every secret that a destination's configuration names."""
    match value:
        case Secret():
            yield value
        case BaseModel():
            yield from secrets_in(dict(value))
        case Mapping():
            yield from secrets_in(tuple(value.values()))
        case tuple():
            for part in value:
                yield from secrets_in(part)
        case _:
            pass


class UsedSecrets:
    """What the secrets of each destination were when it read them last."""

    def __init__(self) -> None:
        self._used: dict[str, dict[Secret, str]] = {}

    def reader(self, destination: str, read: Callable[[Secret], str]) -> Callable[[Secret], str]:
        """Return what reads the secrets of a destination, and keeps what they were."""
        used = self._used[destination] = {}

        def read_and_keep(secret: Secret) -> str:
            used[secret] = ""  # as long as it cannot be had
            used[secret] = read(secret)
            return used[secret]

        return read_and_keep

    def are_others(self, destination: str) -> bool:
        """Return whether the destination would be asked with another secret now; one that cannot be had is none."""
        return any(_now(secret) not in {"", value} for secret, value in self._used.get(destination, {}).items())


def _now(secret: Secret) -> str:
    try:
        return secret.read()
    except PermanentSendError:
        return ""
