"""Who may do what: bearer tokens that can be rotated, and verbs that can be forbidden."""

from collections.abc import Mapping
from dataclasses import dataclass

from kwatch.testing.fake.statuses import forbidden, qualified, unauthorized

ANY = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is forbidden. `namespace` is `*` for every scope and empty for the cluster scope."""

    verb: str
    resource: str
    namespace: str

    def covers(self, verb: str, resource: str, namespace: str) -> bool:
        asked = (verb, resource, namespace)
        return all(
            rule in (ANY, word) for rule, word in zip((self.verb, self.resource, self.namespace), asked, strict=True)
        )


class Access:
    """Authentication is off until a token is set; everything is allowed until it is forbidden."""

    def __init__(self, user: str = "system:serviceaccount:kwatch:kwatch") -> None:
        self.user = user
        self._tokens: frozenset[str] = frozenset()
        self._forbidden: set[Rule] = set()

    def set_tokens(self, *tokens: str) -> None:
        """Accept only these bearer tokens from now on; open streams go on."""
        self._tokens = frozenset(tokens)

    def forbid(self, verb: str, resource: str, namespace: str = ANY) -> None:
        """`resource`: `pods`, `deployments.apps`."""
        self._forbidden.add(Rule(verb, resource, namespace))

    def allow(self, verb: str, resource: str, namespace: str = ANY) -> None:
        """Take back a `forbid` of the same words."""
        self._forbidden.discard(Rule(verb, resource, namespace))

    def authenticate(self, headers: Mapping[str, str]) -> None:
        """Raise StatusError 401; `headers` has lower-case keys."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if self._tokens and (scheme.lower() != "bearer" or token not in self._tokens):
            raise unauthorized()

    def allows(self, verb: str, resource: str, group: str, namespace: str) -> bool:
        name = qualified(resource, group)
        return not any(rule.covers(verb, name, namespace) for rule in self._forbidden)

    def authorize(self, verb: str, resource: str, group: str, *, namespace: str, name: str) -> None:
        """Raise StatusError 403. `resource` may hold a subresource."""
        if not self.allows(verb, resource.partition("/")[0], group, namespace):
            raise forbidden(self.user, verb, resource, group, namespace=namespace, name=name)
