"""What must not be told: values of secrets, and whatever looks like one. Pure.

Texts of a cluster hold credentials now and then: a connection string in an Event, a token in a container's last words.
They are taken out twice: before an alert is kept (`kwatch.rules`), so that no row of the state holds them, and before a
message, a page or a line of the log is written, where also texts come in that people wrote.

Three kinds are known: the values of kwatch's own secrets, what the user's `redact:` patterns match, and shapes. A shape
is one whoever issued it (`_SHAPES`), or a run of characters that is too mixed for a name (`_is_random`). UIDs, digests,
hashes and the names of Pods have no upper-case letters and stay readable; so do the names of Secrets.

All work is linear in the length of a text: users' patterns are RE2, and in those here nothing of unbounded length is
tried from more than one place.
"""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import re2

REDACTED = "[redacted]"

_KEY = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization"
    r"|(?:api|access|account|private|encryption|signing|shared|secret|auth)[_-]?key|x-amz-signature|sig)"
)
_GAP = r"[ \t\u00a0]{0,4}"
#: What names a value that is a credential only if it looks like one.
_HEADER = r"(?:(?:proxy-)?authorization|(?:set-)?cookie|routing_key|integration_key)"
#: Shapes of credentials. What stands before them (a key, a scheme) stays readable.
_SHAPES = re.compile(
    rf"""
      -----BEGIN\ [A-Z0-9 ]{{0,40}}PRIVATE\ KEY-----.*?(?:-----END\ [A-Z0-9 ]{{0,40}}PRIVATE\ KEY-----|\Z)
    | \b(?:xox[a-z]|xapp|xwfp)-[\w-]{{8,}}                        # Slack
    | \bhooks\.slack\.com/(?:services|workflows|triggers)/\S+
    | \b(?:[\w-]{{1,63}}\.webhook|outlook)\.office\.com/webhook\w{{0,2}}/\S+
    | \bhc-ping\.com/\S+
    | \bdiscord(?:app)?\.com/api/(?:v\d{{1,3}}/)?webhooks/\S+
    | \b(?:gh[pousr]_|github_pat_|gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-)[\w-]{{16,}}  # GitHub, GitLab
    | \bnpm_\w{{20,}} | \bdckr_[po]at_[\w-]{{16,}}                # npm, Docker
    | \bsk-(?:proj|ant|svcacct|admin)-[\w-]{{16,}}               # OpenAI, Anthropic
    | \bSG\.[\w-]{{16,}}\.[\w-]{{16,}}                             # SendGrid
    | \b(?:AKIA|ASIA)[0-9A-Z]{{16}}\b                             # AWS
    | \bAIza[\w-]{{30,}} | \bya29\.[\w-]{{10,}}                    # Google
    | (?<=/bot)\d{{1,20}}:[\w-]+ | \b\d{{6,20}}:[\w-]{{30,}}        # Telegram
    | \b(?:syt|mat|mct)_[\w-]{{10,}}                             # Matrix
    | (?<=/hooks/)[a-z0-9]{{26}}\b                               # Mattermost
    | \b(?:sk|rk)_(?:live|test)_\w{{16,}}                         # Stripe
    | \bhv[sbr]\.[\w-]{{20,}}                                     # Vault
    | \bwhsec_[\w+/=]{{16,}}
    | \beyJ[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]*                       # JWT
    | \b(?i:bearer|basic|geniekey)\ {{1,4}}[\w.~+/-]{{8,}}=*
    | (?<![\w-])(?i:(?:proxy-)?authorization)["']?[:=]{_GAP}["']?[A-Za-z-]{{1,20}}\ {{1,4}}
      (?=\S{{0,64}}\d)[\w.~+/=-]{{8,}}
    | (?<![\w-])(?i:(?:set-)?cookie)["']?:{_GAP}[^\r\n"']{{4,1024}}
    | (?<![\w-])(?i:routing_key|integration_key)["']?{_GAP}[:=]{_GAP}["']?[A-Za-z0-9]{{32}}\b
    | "auth"{_GAP}:{_GAP}"[^"]*"                                 # of a registry, in .dockerconfigjson
    | (?<=://)[^\s/:@]{{0,256}}:(?!\d{{1,5}}/)[^\s"'<>]{{1,256}}(?=@)  # user:password@host
    | (?<![\w./:-])[\w.-]{{1,64}}:[^\s"'<>@]{{1,256}}(?=@\w{{0,16}}\()  # user:password@tcp(host), of Go's MySQL
    | (?<![\w.-])(?:[\w.-]{{0,64}}?(?i:{_KEY})["']?{_GAP}={_GAP})(?:"[^"]*"|'[^']*'|[^\s"',;&]+)
    | (?<![\w.-])(?:[\w.-]{{0,64}}?(?i:{_KEY})["']?(?::{_GAP}|\ is\ ))
      (?:"[^"]*"|'[^']*'|(?=[^\s\d]{{0,64}}\d)[^\s"',;/]{{6,}}(?![^\s"',;]))
    | (?<![\w-])(?:--[\w-]{{0,64}}?(?i:{_KEY})\ )(?!-)\S+
    """,
    re.VERBOSE | re.DOTALL,
)
#: Where none of this is, there is no shape and no random run: what RE2 finds out in a hundredth of the time.
_HINT = re2.compile(
    rb"-----BEGIN|xox[a-z]-|x(?:app|wfp)-|slack\.com/|webhooks/|gh[pousr]_|github_pat_|gl[a-z]{2,5}-|AKIA|ASIA|AIza|ya29\.|[sr]k_(?:live|test)_"
    rb"|npm_|dckr_|sk-(?:proj|ant|svcacct|admin)-|SG\.|office\.com/|hc-ping\.com/|\"auth\"|(?i:cookie|_key)[\"']?[^\w]"
    rb"|/bot\d|\d{6}:[\w-]{30}|(?:syt|mat|mct)_|/hooks/|hv[sbr]\.|whsec_|eyJ|(?i:bearer|basic|geniekey) |://[^\s/:@]*:[^\s]+@|:[^\s@]+@\w*\("
    rb"|(?i:" + _KEY.encode() + rb")(?:[\"']?[^\w=:]{0,8}[=:]| )"
    rb"|[A-Z]+[a-z0-9+/_=-]+[A-Z]+[a-z0-9+/_=-]+[A-Z]"
)
#: Up to here a match is the key that stays.
_KEPT = re.compile(rf"\S{{0,64}}?(?i:{_KEY}|{_HEADER})(?:[\"']?{_GAP}[=:]{_GAP}| is | )")
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
#: Of neighbours in a random run, how many are of different classes; words in CamelCase have a quarter.
_MIXED = 0.4
#: Below this a secret's value is too common in ordinary text to be searched for.
_SHORTEST_SECRET = 6


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern that is none, or that an empty text matches."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"not a regular expression (RE2): {_text(error)}") from None
    if compiled.search("") is not None:
        raise ValueError("matches an empty text, so it would match everywhere")


def _text(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def redact_shapes(text: str) -> str:
    """Return `text` without what looks like a credential."""
    if _HINT.search(text.encode(errors="replace")) is None:
        return text
    return _RUN.sub(_redacted_run, _SHAPES.sub(_redacted_shape, text))


def _redacted_shape(found: re.Match[str]) -> str:
    kept = _KEPT.match(found[0])
    return f"{kept[0] if kept else ''}{REDACTED}"


def _redacted_run(found: re.Match[str]) -> str:
    return REDACTED if _is_random(found[0]) else found[0]


def _is_random(run: str) -> bool:
    """Tell whether letters of both cases and digits alternate as they do in no name."""
    if run.lower() == run:  # as names, UIDs and digests are
        return False
    classes = ["u" if c.isupper() else "l" if c.islower() else "d" if c.isdigit() else "" for c in run]
    if not {"u", "l", "d"} <= set(classes):
        return False
    return sum(a != b for a, b in pairwise(classes)) >= _MIXED * len(run)


def redacted_tree(tree: Any, redact: Callable[[str], str]) -> Any:
    """Return texts in lists and dicts redacted, keys aside. All are looked at as one, as hardly any holds a secret."""
    texts = "\n".join(_texts_in(tree))
    return tree if redact(texts) == texts else _redacted(tree, redact)


def _texts_in(tree: Any) -> list[str]:
    texts: list[str] = []
    waiting: list[Any] = [(tree,)]
    for branch in waiting:  # which grows meanwhile
        for each in branch.values() if isinstance(branch, dict) else branch:
            if isinstance(each, str):
                texts.append(each)
            elif isinstance(each, (dict, list, tuple)):
                waiting.append(each)
    return texts


def _redacted(tree: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(tree, str):
        return redact(tree)
    if isinstance(tree, (list, tuple)):
        return [_redacted(each, redact) for each in tree]
    return {key: _redacted(each, redact) for key, each in tree.items()} if isinstance(tree, dict) else tree


class Redactor:
    """Replace in texts the values of all secrets that were read, what the user names, and what looks like a secret."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._patterns: tuple[str, ...] = ()
        self._own: tuple[re2._Regexp[str], ...] = ()

    def heed(self, patterns: Iterable[str], secrets: Iterable[str]) -> None:
        """Go by these patterns of the user's, checked before by `check_pattern`, and by these secrets, too."""
        self._patterns = tuple(patterns)
        self._know(secrets)
        self._compile()

    def learn(self, secret: str) -> None:
        """Go by one more secret, that may be known already."""
        if self._know((secret,)):
            self._compile()

    def _know(self, secrets: Iterable[str]) -> bool:
        """Search for each line of a secret that has 6 characters or more; forget none. Return whether one is new."""
        before, lines = self._secrets, {line.strip() for value in secrets for line in value.splitlines()}
        self._secrets |= {line for line in lines if len(line) >= _SHORTEST_SECRET}
        return self._secrets != before

    def _compile(self) -> None:
        longest_first = sorted(self._secrets, key=len, reverse=True)
        known = ["|".join(map(re2.escape, longest_first))] if longest_first else []
        patterns = (
            f"(?m){pattern}" for pattern in self._patterns
        )  # texts are looked at as one, each on lines of its own
        self._own = tuple(map(re2.compile, (*known, *patterns)))  # one by one: `\Q` quotes to the end of all

    def clean(self, text: str) -> str:
        """Return `text` without secrets."""
        for own in self._own:
            text = own.sub(REDACTED, text)
        return redact_shapes(text)
