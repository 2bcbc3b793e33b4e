"""Receivers and their destinations, each checked by its channel's own `Config`; and that their secrets can be had."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from kwatch.config.parse import Node
from kwatch.config.problems import Place, Problems, did_you_mean, listed
from kwatch.config.routes import NONE
from kwatch.config.validate import check, is_mapping
from kwatch.notify import channels
from kwatch.notify.base import ChannelConfig, Secret, SecretUrl, read_secret_file
from kwatch.notify.urls import check_url_address, parse_url

Receivers = Mapping[str, tuple[ChannelConfig, ...]]


def channel_types() -> tuple[str, ...]:
    """Return the channels that there are: one file each."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(channels.__path__)))


def channel_config(type_: str) -> type[ChannelConfig]:
    """Return the keys of a channel, one of `channel_types()`."""
    config: type[ChannelConfig] = importlib.import_module(f"{channels.__name__}.{type_}").Config
    return config


def stdout_receiver() -> Receivers:
    """Return what tells where nothing else is configured."""
    return {"stdout": (channel_config("stdout")(type="stdout", name="stdout"),)}


def read_receivers(receivers: Mapping[str, Node], environ: Mapping[str, str], problems: Problems) -> Receivers:
    """Return the destinations by receiver. Wrong ones are left out."""
    reader = _Reader(environ, problems)
    return {name: reader.receiver(name, node) for name, node in receivers.items()}


def destination_nodes(receivers: Node) -> Iterator[tuple[str, Node]]:
    """Yield where each destination stands, with its name."""
    for receiver, node in receivers.mapping.items():
        for each in node.items:
            given = {key: each.mapping[key].text for key in ("name", "type") if key in each.mapping}
            yield given.get("name", f"{receiver}-{given.get('type', '')}"), each


class _Reader:
    """Reads receivers; the names of destinations are unique over all of them."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems
        self._names: dict[str, Place] = {}

    def receiver(self, name: str, node: Node) -> tuple[ChannelConfig, ...]:
        """Return the destinations of one receiver."""
        if name == NONE or not _is_name(name) or "{" in name or "}" in name:
            self._problems.add(
                node.key_place, f"{name!r} cannot be a receiver's name: `none` is what drops, {{{{ }}}} are labels"
            )
        if not node.items:
            self._problems.add(node.place, f"{name}: must be a list of destinations; to tell nobody, route to `none`")
        found: list[ChannelConfig] = []
        types: set[str] = set()
        for each in node.items:
            config = self._destination(name, each, types)
            if config is not None:
                found.append(config)
        return tuple(found)

    def _destination(self, receiver: str, node: Node, types: set[str]) -> ChannelConfig | None:
        if not is_mapping(node, self._problems):
            return None
        type_ = self._type(node)
        if type_ is None:
            return None
        model = channel_config(type_)
        config = check(node, model, self._problems)
        check_secrets(model, node, self._environ, self._problems)
        name = self._name(receiver, node, type_, is_first=type_ not in types)
        types.add(type_)
        if config is None or name is None:
            return None
        for warning in config.warnings():
            self._problems.warn(node.place, warning)
        return config.model_copy(update={"name": name})

    def _type(self, node: Node) -> str | None:
        known = channel_types()
        type_ = node.mapping.get("type")
        if type_ is None:
            self._problems.add(node.place, f"'type' is missing: one of {listed(known)}")
            return None
        if type_.text not in known:
            hint = did_you_mean(type_.text, known) or f"; there is {listed(known)}"
            self._problems.add(type_.place, f"type: there is no channel {type_.text!r}{hint}")
            return None
        return type_.text

    def _name(self, receiver: str, node: Node, type_: str, *, is_first: bool) -> str | None:
        given = node.mapping.get("name")
        if given is None and not is_first:
            self._problems.add(
                node.place, f"'name' is missing: it tells this {type_} of {receiver!r} from the one before"
            )
            return None
        name = given.text if given is not None else f"{receiver}-{type_}"
        place = given.place if given is not None else node.place
        if not _is_name(name):
            self._problems.add(place, "name: must be one line that is not empty")
            return None
        first = self._names.setdefault(name, place)
        if first != place:
            self._problems.add(place, f"name: a second destination {name!r}: it is already at {first}")
            return None
        return name


def check_secrets(model: type[BaseModel], node: Node, environ: Mapping[str, str], problems: Problems) -> None:
    """Note secrets that cannot be had."""
    for secret, place in _secrets(model, node):
        wrong = _wrong_with(secret, environ)
        if wrong is not None:
            problems.add(place, wrong)


def _wrong_with(secret: Secret, environ: Mapping[str, str]) -> str | None:
    if secret.env is not None:
        if secret.env not in environ:
            return f"the environment variable {secret.env} is not set"
        return _wrong_in(f"environment variable {secret.env}", environ[secret.env], secret)
    try:
        content = read_secret_file(secret.file) if secret.file is not None else ""
    except OSError as error:
        return f"the secret file {secret.file} cannot be read: {error.strerror}"
    except ValueError:  # not UTF-8, or no possible name of a file
        return f"the secret file {secret.file} cannot be read: it is not a text"
    return _wrong_in(f"secret file {secret.file}", content, secret)


def _wrong_in(where: str, content: str, secret: Secret) -> str | None:
    """Return what is wrong with a secret, without its value; None: nothing that can be seen."""
    if not content.strip():
        return f"the {where} is empty"
    try:
        check_url_address(content.strip())
    except ValueError:
        return f"the {where} holds a URL at an address that no destination may have, or none that can be read"
    if isinstance(secret, SecretUrl) and not _is_http(content.strip()):
        return f"the {where} holds no URL: put https://… into it"
    return None


def _is_http(value: str) -> bool:
    """Return whether a text is a URL that can be asked."""
    try:
        url = parse_url(value)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isprintable()


def _secrets(model: type[BaseModel], node: Node) -> Iterator[tuple[Secret, Place]]:
    """Yield the secrets of a destination, also of one that is wrong otherwise; a wrong secret is told already."""
    for name, field in model.model_fields.items():
        given = node.mapping.get(field.alias or name)
        kind = _kind_of_secret(field.annotation)
        if given is None or kind is None:
            continue
        for each in given.mapping.values() if get_origin(field.annotation) is Mapping else (given,):
            with suppress(ValidationError):
                yield kind.model_validate(each.plain()), each.place


def _kind_of_secret(annotation: Any) -> type[Secret] | None:
    """Return the kind of secret that a key takes, if it takes one."""
    if isinstance(annotation, type) and issubclass(annotation, Secret):
        return annotation
    return next(filter(None, map(_kind_of_secret, get_args(annotation))), None)
