"""Pages: what is shown when not all of one fits."""

import pytest

from kwatch.notify.page import Item, Listing, Page, Row, fitting

LONG = "x" * 5000


def page() -> Page:
    return Page(
        title=LONG,
        states=(LONG,) * 40,
        facts=tuple(Row(f"fact {number}", LONG) for number in range(40)),
        sentences=(Row("Cause", LONG), Row("Runbook", f"https://{LONG}", is_link=True)),
        quote=LONG,
        listings=(Listing(tuple(Item(LONG, LONG) for _ in range(40)), 5, "New (45)"),),
        advice=(Row("Next", LONG),),
        footer=LONG,
    )


def sizes(shown: Page) -> tuple[int, ...]:
    """Return the characters of title, state, fact, sentence, quote and item, and how many facts and items there are."""
    item = shown.listings[0].items[0]
    lengths = (shown.title, shown.states[0], shown.facts[0].text, shown.sentences[0].text, shown.quote, item.text)
    return (*map(len, lengths), len(shown.facts), len(shown.listings[0].items))


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (0, (250, 1000, 1000, 1000, 2500, 1000, 31, 40)),
        (2, (250, 1000, 1000, 1000, 2500, 1000, 31, 20)),
        (3, (250, 300, 300, 300, 1200, 300, 25, 10)),
        (4, (250, 200, 200, 200, 600, 200, 17, 6)),
        (5, (250, 100, 100, 100, 300, 100, 9, 3)),
        (6, (250, 40, 40, 40, 100, 40, 5, 1)),
        (9, (250, 40, 40, 40, 100, 40, 5, 1)),
    ],
)
def test_a_page_is_cut_until_it_fits(refused: int, expected: tuple[int, ...]) -> None:
    tried: list[Page] = []

    def fits(shown: Page) -> bool:
        tried.append(shown)
        return len(tried) > refused

    assert sizes(fitting(page(), lambda shown: shown, fits)) == expected


def test_what_is_left_out_is_counted() -> None:
    shown = fitting(page(), lambda shown: shown, lambda _: True)
    assert shown.facts[-1] == Row("More", "10 facts that found no room")
    assert shown.listings[0].more == 5
    assert shown.quote.endswith("… (cut, 2 530 characters more)")


def test_a_link_that_is_cut_is_none() -> None:
    shown = fitting(page(), lambda shown: shown, lambda _: True)
    assert [row.is_link for row in shown.sentences] == [False, False]


def test_a_small_page_stays_as_it_is() -> None:
    small = Page(title="a", states=("b",), facts=(Row("c", "d"),), quote="e", listings=(Listing((Item("f", "g"),)),))
    assert fitting(small, lambda shown: shown, lambda _: True) == small
