"""Untrusted text is harmless after its encoder."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.notify import escape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b\x07c", "abc"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("tab\there", "tab here"),
        ("X-05 pod-\u202egnp.exe", "X-05 pod-gnp.exe"),
        ("a\u2066b\u2069c\u2028d\u2029e", "abcde"),
        ("X-16 \x1b[31mred\x1b[0m", "X-16 red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;https://evil\x1b\\link", "link"),
        ("\x9b2Jclear", "clear"),
        ("e\u0301", "\u00e9"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_clean_drops_what_moves_hides_or_reorders(text: str, expected: str) -> None:
    assert escape.clean(text) == expected


def test_line_is_one_line() -> None:
    assert escape.line(" a\n b\t c ") == "a b c"


def test_what_was_cut_before_is_counted_too() -> None:
    assert escape.cut(escape.cut("x" * 10_000, 4000), 500) == "x" * 470 + "… (cut, 9 530 characters more)"
    assert escape.cut(escape.cut("x" * 1000, 500), 490) == "x" * 462 + "… (cut, 538 characters more)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x… (cut, 9 530 characters more)", True),
        ("x… (cut, 12 characters more) and then", True),
        ("x (cut, some characters more)", False),
        ("", False),
    ],
)
def test_a_text_that_was_cut_is_known_by_its_mark(text: str, expected: bool) -> None:
    assert escape.is_cut(text) is expected


def test_cut_says_how_much_is_missing() -> None:
    assert escape.cut("x" * 1236, 62) == "x" * 32 + "… (cut, 1 204 characters more)"


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("👩‍👩‍👧‍👦" * 20, 40, "👩‍👩‍👧‍👦"),  # 7 code points each
        ("🇩🇪" * 40, 32, "🇩🇪🇩🇪"),
        ("a\u0308\u0323" * 40, 33, "\u1ea1\u0308" * 3),
        ("👍🏽" * 40, 32, "👍🏽👍🏽"),
    ],
)
def test_cut_never_splits_a_grapheme(text: str, limit: int, kept: str) -> None:
    shown = escape.cut(unicodedata.normalize("NFC", text), limit).partition("…")[0]
    assert shown == kept


def test_a_pile_of_combining_marks_is_cut_all_the_same() -> None:
    assert len(escape.cut("a" + "\u0301" * 10_000, 100)) <= 100


@given(st.text(max_size=400), st.integers(min_value=1, max_value=200))
def test_fit_keeps_the_limit_after_encoding(text: str, limit: int) -> None:
    assert len(escape.fit(text, limit, escape.slack)) <= limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X-01 <!channel>", "X-01 &lt;!channel&gt;"),
        ("X-02 <https://evil|kubectl>", "X-02 &lt;https://evil|kubectl&gt;"),
        ("<@U123> &amp;", "&lt;@U123&gt; &amp;amp;"),
        ("@here #general", "@\u200bhere #\u200bgeneral"),
        ("name@example.com", "name@example.com"),
    ],
)
def test_X01_X02_slack_text_mentions_and_links_nothing(text: str, expected: str) -> None:
    assert escape.slack(text) == expected


HEADERS = [
    "hello\r\nBcc: evil@example.com",
    "hello\nBcc: evil@example.com",
    "hello\rBcc: evil@example.com",
    "=?utf-8?q?hello=0D=0ABcc:_evil@example.com?=",
    "=?utf-8?b?aGVsbG8NCkJjYzogZXZpbEBleGFtcGxlLmNvbQ==?=",
    "hello\u2028Bcc: evil@example.com",
    "a =?utf-8?q?x?= =?utf-8?q?=0ABcc:_evil@example.com?=",
]


@pytest.mark.parametrize("text", HEADERS)
def test_X03_a_header_is_one_line_and_no_encoded_word(text: str) -> None:
    """X-03"""
    encoded = escape.header(text)
    assert not set(encoded) & set("\r\n\x0b\x0c\x85\u2028\u2029")
    assert "=?" not in encoded


def test_X03_controls_in_a_header_are_spaces() -> None:
    assert escape.header("a\x00b\x7fc\u202ed\x85e\r\nf") == "a b cd e f"


@given(st.text())
def test_every_encoder_takes_any_text(text: str) -> None:
    for encode in (escape.clean, escape.line, escape.slack, escape.header, escape.terminal):
        encode(text).encode()


@given(st.text())
def test_clean_is_idempotent(text: str) -> None:
    assert escape.clean(escape.clean(text)) == escape.clean(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@here and @all", "@\u200bhere and @\u200ball"),
        ("(@ann) .@ann <@1> @@x", "(@\u200bann) .@\u200bann <@\u200b1> @\u200b@\u200bx"),
        ("ann@example.com app@sha256:abc", "ann@example.com app@sha256:abc"),
        ("3 @ 4", "3 @ 4"),
        ("\u202e@x", "@\u200bx"),
    ],
)
def test_X15_an_at_names_nobody(text: str, expected: str) -> None:
    assert escape.unmentioned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*b* _i_ ~s~ `c` |t| #h", r"\*b\* \_i\_ \~s\~ \`c\` \|t\| \#h"),
        ("[kubectl](https://x)", r"\[kubectl\](https://x)"),
        ("<@1> >", "\\<@\u200b1\\> \\>"),
        (r"C:\*", r"C:\\\*"),
        ("worker-7d9c (2)", "worker-7d9c (2)"),
        ("see https://x.example.com/a_b~c#d_e, f_g", r"see https://x.example.com/a_b~c#d_e, f\_g"),
        ("[a](https://x/_b*c*)", r"\[a\](https://x/_b\*c\*)"),
    ],
)
def test_markdown_means_nothing(text: str, expected: str) -> None:
    assert escape.markdown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a ``` b", "a `\u200b`` b"), ("`````", "`\u200b`\u200b`\u200b``"), ("``two`` `one`", "``two`` `one`")],
)
def test_X06_no_fence_is_in_a_block_of_code(text: str, expected: str) -> None:
    assert escape.fenced(text) == expected


@given(st.text(alphabet="`a", max_size=40))
def test_X06_a_block_of_code_ends_at_its_own_fence(text: str) -> None:
    assert "```" not in escape.fenced(text)


@pytest.mark.parametrize(
    ("text", "expected", "code"),
    [
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ('"it\'s"', "&quot;it&#x27;s&quot;", "&quot;it&#x27;s&quot;"),
        ("@room", "@\u200broom", "@room"),
    ],
)
def test_html_is_text(text: str, expected: str, code: str) -> None:
    assert (escape.html(text), escape.html_code(text)) == (expected, code)


@pytest.mark.parametrize(("text", "units"), [("", 0), ("abc", 3), ("日本", 2), ("🔥", 2)])
def test_utf16_units_are_counted(text: str, units: int) -> None:
    assert escape.utf16(text) == units


@given(st.text(max_size=300), st.integers(min_value=1, max_value=200))
def test_fit_keeps_a_limit_in_other_units(text: str, limit: int) -> None:
    assert escape.utf16(escape.fit(text, limit, str, escape.utf16)) <= max(limit, 2)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("[log in](https://evil.example.com)", "[log in]\u200b(https://evil.example.com)"),
        ("<!channel> <b>x</b>", "<\u200b!channel> <\u200bb>x<\u200b/b>"),
        ("a < b, items[0]", "a < b, items[0]"),
        ("@ann, ann@example.com", "@\u200bann, ann@example.com"),
    ],
)
def test_what_tools_may_take_for_markup_is_broken_and_read_as_it_is(text: str, encoded: str) -> None:
    assert escape.plain(text) == encoded


@pytest.mark.parametrize(
    ("text", "padded_to"), [("Next", "Next  |"), ("下一步", "下一步|"), ("Cluster", "Cluster|"), ("é", "é     |")]
)
def test_a_label_takes_columns_not_characters(text: str, padded_to: str) -> None:
    assert f"{escape.padded(text, 6)}|" == padded_to
