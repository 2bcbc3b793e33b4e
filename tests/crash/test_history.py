"""The judge finds each kind of broken promise in a made-up history, and nothing in good ones."""

from dataclasses import replace

import pytest

from tests.crash.history import Expected, History, Kind, Receipt, repetitions, violations
from tests.crash.mailbox import read

CERTAIN, BRIEF, MOMENT = Kind.CERTAIN, Kind.BRIEF, Kind.MOMENT


def receipt(at: float, incident: str, sequence: int, kind: str, *firing: str, ended: str = "") -> Receipt:
    return Receipt(
        at=at,
        id=f"{incident}.{sequence}",
        incident=incident,
        sequence=sequence,
        kind=kind,
        firing=frozenset(firing),
        ended=frozenset(ended.split()),
        body=f"{incident} {sequence}".encode(),
    )


BEGIN = receipt(1, "i", 1, "firing", "web")
END = receipt(2, "i", 2, "resolved", ended="web")
NOTICE = receipt(1, "n", 1, "notice", "web")


def history(
    *receipts: Receipt,
    kind: Kind = CERTAIN,
    rounds: int = 1,
    is_late: bool = False,
    starts: tuple[float, ...] = (0.0,),
) -> History:
    """Return a history in which each start but the first follows a crash."""
    expected = {"web": Expected(kind, rounds, is_late)}
    return History(expected=expected, receipts=receipts, starts=starts, crashes=len(starts) - 1)


@pytest.mark.parametrize(
    "good",
    [
        pytest.param(history(BEGIN, END), id="told once"),
        pytest.param(history(BEGIN, replace(BEGIN, at=4), replace(END, at=5), starts=(0, 3)), id="repeated by a crash"),
        pytest.param(history(replace(BEGIN, is_answered=False), replace(BEGIN, at=1.5), END), id="answer was owed"),
        pytest.param(
            history(BEGIN, replace(BEGIN, at=4), replace(END, at=5), replace(END, at=7), starts=(0, 3, 6)),
            id="as many repetitions as crashes",
        ),
        pytest.param(history(replace(BEGIN, late=frozenset({"web"})), END, is_late=True), id="late, and marked"),
        pytest.param(history(kind=BRIEF), id="brief and untold"),
        pytest.param(history(BEGIN, END, kind=BRIEF), id="brief and told"),
        pytest.param(history(BEGIN, END, kind=BRIEF, rounds=2), id="two brief ones told as one"),
        pytest.param(history(NOTICE, kind=MOMENT), id="moment told"),
        pytest.param(history(kind=MOMENT, rounds=0), id="moment not owed"),
        pytest.param(
            history(receipt(1, "kw/summary/1", 0, "summary", "web"), receipt(2, "i", 1, "resolved", ended="web")),
            id="begins in the summary, ends in its own lane",
        ),
        pytest.param(
            history(
                BEGIN, receipt(2, "j", 1, "firing", "web"), END, receipt(4, "j", 2, "resolved", ended="web"), rounds=2
            ),
            id="lanes may overtake each other",
        ),
    ],
)
def test_a_good_history_is_good(good: History) -> None:
    assert violations(good) == ()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param(
            history(),
            ("web (certain, 1 rounds): told to begin 0 times, as a moment 0 times",),
            id="lost altogether",
        ),
        pytest.param(history(BEGIN), ("web: never told to be over in i",), id="its end lost"),
        pytest.param(history(BEGIN, kind=BRIEF), ("web: never told to be over in i",), id="brief, its end lost"),
        pytest.param(history(END, kind=BRIEF), ("i.2: web ends and never began",), id="brief, its beginning lost"),
        pytest.param(
            history(kind=MOMENT),
            ("web (moment, 1 rounds): told to begin 0 times, as a moment 0 times",),
            id="a moment lost",
        ),
        pytest.param(
            history(NOTICE, receipt(2, "m", 1, "notice", "web"), kind=MOMENT),
            ("web (moment, 1 rounds): told to begin 0 times, as a moment 2 times",),
            id="a moment decided twice",
        ),
        pytest.param(
            history(BEGIN, END, receipt(3, "j", 1, "firing", "web"), receipt(4, "j", 2, "resolved", ended="web")),
            ("web (certain, 1 rounds): told to begin 2 times, as a moment 0 times",),
            id="an episode decided twice",
        ),
        pytest.param(
            history(replace(END, at=1), replace(BEGIN, at=2)),
            (
                "i: out of order: [2, 1]",
                "i: not a beginning, changes and an end: ['resolved', 'firing']",
                "i.2: web ends and never began",
                "web: never told to be over in i",
            ),
            id="the end overtakes the beginning",
        ),
        pytest.param(
            history(BEGIN, END, replace(BEGIN, at=4), starts=(0, 3)),
            ("i: out of order: [1, 2, 1]",),
            id="the beginning repeated after the end",
        ),
        pytest.param(
            history(BEGIN, replace(BEGIN, at=1.5), END),
            ("1 repetitions after 0 crashes and 0 lost answers", "i.1: repeated without a crash or a lost answer"),
            id="repeated for no reason",
        ),
        pytest.param(
            history(BEGIN, replace(BEGIN, at=4), replace(BEGIN, at=5), replace(END, at=6), starts=(0, 3)),
            ("2 repetitions after 1 crashes and 0 lost answers", "i.1: repeated without a crash or a lost answer"),
            id="one more repetition than crashes",
        ),
        pytest.param(
            history(BEGIN, replace(BEGIN, at=4, body=b"other"), replace(END, at=5), starts=(0, 3)),
            ("i.1: repeated with other bytes",),
            id="repeated with other bytes",
        ),
        pytest.param(
            history(BEGIN, replace(BEGIN, at=4, id="other"), replace(END, at=5), starts=(0, 3)),
            ("i: message 1 under 2 keys", "i: not a beginning, changes and an end: ['firing', 'firing', 'resolved']"),
            id="repeated under another key",
        ),
        pytest.param(
            history(
                BEGIN,
                receipt(2, "i", 2, "update", "web"),
                replace(receipt(4, "i", 2, "update", "web"), id="other"),
                receipt(5, "i", 3, "resolved", ended="web"),
                starts=(0, 3),
            ),
            ("i: message 2 under 2 keys",),
            id="an update repeated under another key",
        ),
        pytest.param(
            history(
                NOTICE,
                replace(NOTICE, id="m.1", incident="m"),
                replace(NOTICE, at=4),
                replace(NOTICE, at=4, id="m.1", incident="m"),
                kind=MOMENT,
                rounds=2,
                starts=(0, 3, 6),
            ),
            ("2 repetitions after the crash before 3.000",),
            id="two repetitions after one of two crashes",
        ),
        pytest.param(
            history(BEGIN, END, is_late=True),
            ("i.1: web began while nobody watched, and is not marked late",),
            id="late, and not marked",
        ),
        pytest.param(
            history(BEGIN, END, receipt(3, "k", 1, "notice", "api")),
            ("k.1: api was never wrong",),
            id="of something that was never wrong",
        ),
        pytest.param(
            history(BEGIN, receipt(1.5, "i", 2, "repeat", "web"), receipt(2, "i", 3, "resolved", ended="web")),
            ("i.2: nobody asked for a message of kind repeat",),
            id="of a kind that nobody asked for",
        ),
    ],
)
def test_a_broken_promise_is_found(bad: History, why: tuple[str, ...]) -> None:
    assert violations(bad) == why


def test_what_was_read_again_is_counted() -> None:
    assert repetitions(history(BEGIN, replace(BEGIN, at=4), END)) == 1


def test_a_mail_says_what_a_request_does() -> None:
    mail = (
        b"Subject: x\r\nMessage-ID: <kw1@example.com>\r\n\r\nCRITICAL\r\n\r\nof kw/1/2 3 update\r\n"
        b"alert web firing True\r\nalert db resolved False\r\n\r\n-- \r\nkwatch\r\n"
    )
    assert read(7, mail) == Receipt(
        at=7,
        id="<kw1@example.com>",
        incident="kw/1/2",
        sequence=3,
        kind="update",
        firing=frozenset({"web"}),
        ended=frozenset({"db"}),
        late=frozenset({"web"}),
        body=mail,
    )
