"""What every channel makes of content that is hostile, or too much: a message that the vendor takes, and only text."""

import pytest

from kwatch.model.notifications import COUNTS, Content, Count, NotificationKind, Part, Section
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.samples import alert, content, thread_of
from kwatch.testing.contract.suite import Suite

#: What a text is made of: one byte, four, many code points for one character, and what encoders make longer.
FILLINGS = ("x", "🔥", "e\u0301", "👩‍🚀", "&", "<", '"', "\\", "*", "_", "`", "\n", "@", "words and words ")
#: About the limits of services for titles, fields and texts.
LENGTHS = tuple(limit + by for limit in (75, 130, 150, 256, 512, 1024, 2000, 3000, 4096) for by in (0, 1))
PINGS = "<!channel> <!subteam^S1> <@U123> @here @channel @all @everyone @room <at>Ann</at> <users/all> @[everyone](x)"
LINKS = (
    "<https://evil.example.com|kubectl> [docs](https://evil.example.com/md) <a href='https://evil.example.com'>x</a>"
)


def largest(filling: str) -> Content:
    """Return the facts of one alert each of whose texts is as long as kwatch lets it be."""
    long = (filling * 5000)[:5000]
    names = {f"{name}-{filling.strip()[:20]}": long for name in "abcdefghijklmnopqrstuvwxyz"}
    labels = {**alert().labels, **names, "workload": f"Deployment/{long}", "namespace": long, "node": long}
    annotations = {**alert().annotations, **dict.fromkeys(("summary", "explanation", "next_step"), "{{ node }}" * 10)}
    view = alert(
        message=long, labels=labels, details=names, annotations=annotations, members=(long,) * 20, held_back_by=long
    )
    return content(view, came_and_went=(long,) * 50, is_late=True, public_url="https://kwatch.example.com")


class Bounds(Suite):
    """What every channel makes of content that is hostile, or too much."""

    @pytest.mark.parametrize("degraded", [False, True])
    @pytest.mark.parametrize("filling", FILLINGS, ids=ascii)
    def test_the_longest_texts_are_told_within_the_limits(self, desk: Desk, filling: str, degraded: bool) -> None:
        desk.tell(largest(filling), degraded=degraded)
        assert len(desk.shown) == 1

    @pytest.mark.parametrize("filling", ["x", "&"])
    def test_texts_at_and_over_each_limit_are_told(self, desk: Desk, filling: str) -> None:
        for sequence, length in enumerate(LENGTHS, 1):
            text = filling * length
            labels = {**alert().labels, "workload": text, "name": text, "node": text}
            annotations = {"summary": "{{ name }}", "explanation": "{{ message }}", "next_step": "{{ message }}"}
            texts = {"rule": text, "message": text, "labels": labels, "details": {text: text}}
            view = alert(**texts, annotations=annotations, fingerprint=f"f{length}")
            desk.tell(content(view, cluster=text), sequence=sequence, incident=f"kw/g{length}/1")
            desk.run(desk.clock.sleep(60))
        assert len(desk.shown) == len(LENGTHS)

    def test_what_was_cut_says_so(self, desk: Desk) -> None:
        desk.tell(content(alert(message="m" * 100_000, annotations={})))
        assert "characters more" in desk.text

    @pytest.mark.parametrize("degraded", [False, True])
    def test_F45_X05_a_megabyte_of_control_characters_is_told_without_them(self, desk: Desk, degraded: bool) -> None:
        hostile = "\x1b[31m\x00\u202e<script>\r\nBcc: evil\x85" * 32_000
        labels = {**alert().labels, "workload": "Deployment/\u202eevil\x1b[2J"}
        desk.tell(content(alert(message=hostile, annotations={}, labels=labels)), degraded=degraded)
        assert not {"\x1b", "\x00", "\u202e", "\x85"} & set(desk.text)

    @pytest.mark.parametrize("degraded", [False, True])
    def test_X01_X15_nobody_can_be_mentioned(self, desk: Desk, degraded: bool) -> None:
        desk.tell(self.saying(PINGS), degraded=degraded)
        assert [shown.pings for shown in desk.shown] == [()]

    @pytest.mark.parametrize("degraded", [False, True])
    def test_X02_no_address_is_behind_words(self, desk: Desk, degraded: bool) -> None:
        desk.tell(self.saying(LINKS), degraded=degraded)
        assert [link for shown in desk.shown for link in shown.links if "evil" in link] == []

    @pytest.mark.parametrize("hostile", ["<b>bold words</b>", "`code words` ```", "*stars* _words_ ~strike~", "a & b"])
    def test_X04_X06_what_looks_like_markup_can_still_be_read(self, desk: Desk, hostile: str) -> None:
        desk.tell(content(alert(annotations={}, message=hostile)))
        assert hostile in desk.text.replace("\u200b", "")

    def test_a_thousand_alerts_are_counted_not_listed(self, desk: Desk) -> None:
        desk.tell(content(*(alert(fingerprint=f"f{n}", rule=f"rule-{n:03}") for n in range(1000))))
        assert "rule-000, rule-001 and 998 more" in desk.text
        assert "rule-999" not in desk.text

    def test_a_digest_of_a_bad_day_is_told_within_the_limits(self, desk: Desk) -> None:
        views = tuple(alert(fingerprint=f"f{n}", rule=f"rule-{n}-{'r' * 200}", message="m" * 2000) for n in range(2500))
        sections = tuple(Section(part, 5000, 500) for part in Part)
        desk.tell(content(*views, kind=NotificationKind.DIGEST, sections=sections, alert_count=25_000))
        assert "5000 new" in desk.text

    def test_an_overflow_with_a_thousand_lines_is_told_within_the_limits(self, desk: Desk) -> None:
        counts = tuple(Count(f"rule-{n}-{'r' * 200}", "n" * 63, 100_000 - n) for n in range(COUNTS))
        views = tuple(alert(fingerprint=f"f{n}", rule=f"rule-{n}") for n in range(1000))
        desk.tell(content(*views, kind=NotificationKind.OVERFLOW, folded=123_456, counts=counts))
        assert "123456 more" in desk.text
        assert "100000 × rule-0" in desk.text

    @pytest.mark.parametrize("degraded", [False, True])
    @pytest.mark.parametrize("kind", [NotificationKind.UPDATE, NotificationKind.RESOLVED])
    def test_what_follows_is_within_the_limits_too(self, desk: Desk, kind: NotificationKind, degraded: bool) -> None:
        thread = thread_of(desk.tell())
        many = (alert(fingerprint=f"f{n}", rule="r" * 200, message="🔥" * 5000) for n in range(1000))
        desk.tell(content(*many, kind=kind), thread, sequence=2, degraded=degraded)

    @pytest.mark.parametrize("degraded", [False, True])
    def test_a_users_template_that_says_too_much_is_told_within_the_limits(self, desk: Desk, degraded: bool) -> None:
        own = {"title": "{{ alerts[0].message }}", "text": "{{ alerts[0].message }}" * 3}
        view, channel = alert(message="🔥" * 5000), desk.create(template=own)
        thread = thread_of(desk.tell(content(view), channel=channel, degraded=degraded))
        update = content(view, kind=NotificationKind.UPDATE)
        desk.tell(update, thread, sequence=2, channel=channel, degraded=degraded)
        assert "🔥" in desk.text

    def saying(self, hostile: str) -> Content:
        """Return the facts of an alert whose every text is hostile."""
        labels = {**alert().labels, "name": hostile, "workload": hostile, "namespace": hostile, "node": hostile}
        annotations = {"summary": "{{ workload }}", "explanation": "{{ node }}", "next_step": "{{ name }}"}
        view = alert(labels=labels, annotations=annotations, message=hostile, details={hostile: hostile}, rule=hostile)
        return content(view, came_and_went=(hostile,), cluster=hostile)
