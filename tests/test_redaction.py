"""What must not be told is taken out, and nothing else."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.redaction import REDACTED, Redactor, check_pattern, redact_shapes, redacted_tree

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdef123456", "Authorization: [redacted]"),
        ("curl -H bearer abcdef.123456", "curl -H [redacted]"),
        ("xoxb-123456789-abcdefgh refused", "[redacted] refused"),
        ("POST https://hooks.slack.com/services/T0/B0/xyz", "POST https://[redacted]"),
        ("POST https://discord.com/api/webhooks/1/abc", "POST https://[redacted]"),
        ("POST https://discordapp.com/api/v10/webhooks/1/abc", "POST https://[redacted]"),
        ("https://api.telegram.org/bot110201543:AAHdqTcvCH1v/x", "https://api.telegram.org/bot[redacted]/x"),
        ("token 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "token [redacted]"),
        ("M_UNKNOWN_TOKEN syt_a3dhdGNo_hVbYbZtYqXwLkPmN_1aBcDe", "M_UNKNOWN_TOKEN [redacted]"),
        (
            "POST https://chat.example.com/hooks/4xp9fdt77pncbef59f4k1qe83o",
            "POST https://chat.example.com/hooks/[redacted]",
        ),
        ("POST /messages?key=AIzaSyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI", "POST /messages?key=[redacted]"),
        ("ghp_0123456789abcdefghij0123456789abcdef", "[redacted]"),
        ("github_pat_11ABCDEFG0123456789_abcdefghij", "[redacted]"),
        ("glpat-abcdefghij0123456789", "[redacted]"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=[redacted]"),
        ("denied for wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "denied for [redacted]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted]"),
        ("smtp://bot:hunter2@mail.example.com", "smtp://[redacted]@mail.example.com"),
        ("postgres://app:p%40ss@db:5432/shop failed", "postgres://[redacted]@db:5432/shop failed"),
        ("Server=db;Password=hunter2;Port=1", "Server=db;Password=[redacted];Port=1"),
        ("AccountName=a;AccountKey=abc123==", "AccountName=a;AccountKey=[redacted]"),
        ("?token=abc&x=1", "?token=[redacted]&x=1"),
        ("https://b.example.com/o?sig=a%2Fb&se=1", "https://b.example.com/o?sig=[redacted]&se=1"),
        ("DB_PASSWORD='two words' set", "DB_PASSWORD=[redacted] set"),
        ('{"db-password":"hunter2","port":1}', '{"db-password":[redacted],"port":1}'),
        ("password: hunter2", "password: [redacted]"),
        ("app --api-key abcdef --verbose", "app --api-key [redacted] --verbose"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"),
        ("-----BEGIN PRIVATE KEY-----\nMIIcut", "[redacted]"),
        ("the key Zm9vYmFyQmF6MTIzNDU2Nzg5MA== was refused", "the key [redacted] was refused"),
        ("postgres://admin:p@ssw0rd@db:5432/x", "postgres://[redacted]@db:5432/x"),
        ("dial redis://:pa/ss9word@cache:6379", "dial redis://[redacted]@cache:6379"),
        ("dsn root:S3cretPw@tcp(db:3306)/app", "dsn [redacted]@tcp(db:3306)/app"),
        ("Authorization: Token 9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b", "Authorization: [redacted]"),
        ("Authorization: GenieKey 12345678-1234-1234-1234-123456789012", "Authorization: [redacted]"),
        ("Set-Cookie: JSESSIONID=ABC123DEF456; Path=/", "Set-Cookie: [redacted]"),
        ("sk-proj-abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"),
        ("sk-ant-api03-abcdefghijklmnop", "[redacted]"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"),
        ("dckr_pat_abcdefghijklmnop123", "[redacted]"),
        ("SG.abcdefghijklmnop.qrstuvwxyz0123456789ABCDEF", "[redacted]"),
        ('{"auths":{"r.io":{"auth":"dXNlcjpwYXNz"}}}', '{"auths":{"r.io":{[redacted]}}}'),
        ("routing_key=0123456789abcdef0123456789abcdef", "routing_key=[redacted]"),
        ("POST https://acme.webhook.office.com/webhookb2/abc", "POST https://[redacted]"),
        ("password:\thunter2", "password:\t[redacted]"),
        ("password =   hunter2", "password =   [redacted]"),
        ("password\u00a0=\u00a0hunter2", "password\u00a0=\u00a0[redacted]"),
        ("password is hunter2", "password is [redacted]"),
    ],
)
def test_credentials_are_redacted_by_their_shape(text: str, expected: str) -> None:
    assert redact_shapes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Back-off restarting container in pod api-7d9f5b8c6d-x2x8k_shop(0f8c6d1e-2f6a-4a3c-9b1d-7f1c2d3e4f50)",
        f'Failed to pull image "registry.example.com/shop/web@sha256:{DIGEST}"',
        "image registry.example.com:5000/team/app:v1.2.3-RC1_build.20261121",
        "0/5 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
        'MountVolume.SetUp failed for volume "db-secret" : secret "db-creds" not found',
        "couldn't find key password in Secret payments/db",
        "references non-existent secret key: tls.crt",
        "secretName=db-creds token_ttl=300 passwordFile=/run/x",
        "token refused: secret file is missing",
        "invalid token: unexpected end",
        'Liveness probe failed: Get "http://10.1.2.3:8080/healthz": dial tcp 10.1.2.3:8080: refused',
        "com.example.PaymentServiceAuthenticationProviderImpl$1 MutatingWebhookConfiguration2",
        "ValidatingAdmissionPolicyBindingController2 at /var/lib/kubelet/0f8c6d1e-2f6a-4a3c-9b1d-7f1c2d3e4f50/volumes",
        f"gke-prod-eu-default-pool-1a2b3c4d-x9zq containerd://{DIGEST}",
        "7qf3zk2m5x4w6y1a9bcdefghij 2026-11-21T09:10:11.123456Z fe80::1",
        "User system:serviceaccount:payments:default-token-reader cannot list",
        "https://kwatch.example.com/alerts/7qf3zk2m5x4w6y1a9bcdefghij",
        f"HEAD https://registry.example.com:5000/v2/app@sha256:{DIGEST}: 401",
        f"nginx:1.25@sha256:{DIGEST}",
        "authorization: denied for user system:node:node-1",
        "routing_key=orders.created",
        "password is incorrect",
        "mail to team:ops@example.com",
    ],
)
def test_names_uids_digests_and_references_to_secrets_stay_readable(text: str) -> None:
    assert redact_shapes(text) == text


def test_the_longer_of_two_secrets_is_redacted_whole() -> None:
    redactor = Redactor()
    redactor.heed((), ["abcdef", "abcdef-and-more"])
    assert redactor.clean("<abcdef-and-more>") == "<[redacted]>"


def test_a_value_too_short_to_be_told_from_words_is_not_searched_for() -> None:
    redactor = Redactor()
    redactor.heed((), ["pod"])
    assert redactor.clean("a pod") == "a pod"


def test_patterns_of_the_user_are_redacted_until_there_are_others() -> None:
    redactor = Redactor()
    redactor.heed(["acct-[0-9]{4}", "(?i)project x"], ["canary-1"])
    assert redactor.clean("canary-1 of acct-12345 in Project X") == "[redacted] of [redacted]5 in [redacted]"
    redactor.heed([], [])
    assert redactor.clean("canary-1 of acct-1234") == "[redacted] of acct-1234"


def test_a_pattern_that_is_tied_to_the_ends_of_a_text_finds_it_among_others() -> None:
    """All texts of a message are looked at as one."""
    redactor = Redactor()
    redactor.heed([r"^acct-[0-9]+$"], [])
    assert redacted_tree({"of": "acct-1", "by": ["my acct-2", "acct-3"]}, redactor.clean) == {
        "of": "[redacted]",
        "by": ["my acct-2", "[redacted]"],
    }


def test_a_pattern_that_quotes_to_its_end_leaves_the_others_alone() -> None:
    redactor = Redactor()
    redactor.heed([r"\Qacct-1", "cust-[0-9]+"], [])
    assert redactor.clean("acct-1 of cust-2") == "[redacted] of [redacted]"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a(", "not a regular expression (RE2): missing ): a("),
        (r"(a)\1", r"not a regular expression (RE2): invalid escape sequence: \1"),
        ("a*", "matches an empty text, so it would match everywhere"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        check_pattern(pattern)


@given(st.text())
def test_any_text_is_redacted_to_what_stays_so(text: str) -> None:
    once = redact_shapes(text)
    assert redact_shapes(once) == once


@given(st.text(st.characters(codec="ascii"), max_size=40), st.from_regex(r"\A[A-Za-z0-9]{20}\Z"))
def test_a_token_is_redacted_whatever_stands_before_it(before: str, token: str) -> None:
    assert token not in redact_shapes(f"{before} ghp_{token}")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "eyJ",
        "://a:",
        "password=",
        "a.b-",
        "-----BEGIN ",
        "token: ",
        "--a",
        "Aa1",
        '"',
        "token:x",
        'token="',
        "a:b@",
        "://a:@",
    ],
)
def test_the_work_is_linear_in_the_length_of_a_text(piece: str) -> None:
    before = time.perf_counter()
    redact_shapes(piece * (200_000 // len(piece)))
    assert time.perf_counter() - before < 3.0  # 0.2 s, and a slow machine; what is quadratic takes minutes


def test_the_mark_itself_is_left_alone() -> None:
    assert redact_shapes(f"password={REDACTED}") == f"password={REDACTED}"
