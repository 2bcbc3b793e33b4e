"""Where an incident is one message and what stands below it, or one entry that begins and ends."""

from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.samples import alert, content, thread_of
from kwatch.testing.contract.secrecy import leaked
from kwatch.testing.contract.suite import Suite
from kwatch.testing.vendors import EditableVendor, Shown

Kind = NotificationKind
_GROWN = content(alert(is_new=False), alert(rule="oom-kill", fingerprint="f2"), kind=Kind.UPDATE)
_OTHER = "kw/h7k3m2/1"


class Threads(Suite):
    """Where an incident is one message, and what follows stands below it."""

    def test_an_incident_is_one_message_and_what_stands_below_it(self, desk: Desk) -> None:
        self.live(desk)
        root = only(roots(desk))
        assert {shown.thread for shown in desk.shown if shown != root} == {root.id}
        assert any("RESOLVED after 12 m" in shown.text for shown in desk.shown)

    def test_an_update_says_what_is_new(self, desk: Desk) -> None:
        desk.tell(_GROWN, thread_of(desk.tell()), sequence=2)
        assert "oom-kill" in desk.text

    def test_it_lands_in_its_thread_after_a_restart(self, desk: Desk) -> None:
        receipt = Receipt(dict(desk.tell().values))
        desk.tell(content(kind=Kind.RESOLVED), Thread(receipt), sequence=2, channel=desk.create())
        assert len(roots(desk)) == 1

    def test_another_incident_is_another_message(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        desk.tell(incident=_OTHER)
        desk.tell(content(kind=Kind.RESOLVED), thread, sequence=2)
        assert len(roots(desk)) == 2
        first, second = roots(desk)
        assert [shown.thread for shown in desk.shown if shown.thread] in ([], [first.id])
        assert "RESOLVED" not in second.text

    def test_S39_in_anothers_thread_its_root_stays_as_it_is(self, desk: Desk) -> None:
        root = desk.tell(content(kind=Kind.SUMMARY))
        before = roots(desk)
        for sequence, kind in enumerate((Kind.FIRING, Kind.UPDATE, Kind.RESOLVED), 2):
            desk.tell(content(kind=kind), Thread(root, is_own=False), sequence=sequence, incident=_OTHER)
        assert roots(desk) == before
        assert [shown.thread for shown in desk.shown if shown.thread] == [before[0].id] * 3

    def test_an_end_whose_beginning_was_never_told_stands_for_itself(self, desk: Desk) -> None:
        desk.tell(content(kind=Kind.RESOLVED))
        root = only(roots(desk))
        for words in ("RESOLVED after 12 m", "crash-loop", "payments/Deployment/worker"):
            assert words in root.text

    def test_X11_no_credential_is_in_what_a_thread_is_kept_by(self, desk: Desk) -> None:
        assert leaked(desk, repr(desk.tell())) == []

    def live(self, desk: Desk) -> None:
        """Tell of a whole incident."""
        thread = thread_of(desk.tell())
        ended = content(kind=Kind.RESOLVED)
        for sequence, facts in enumerate((_GROWN, content(kind=Kind.REPEAT), ended), 2):
            thread = thread_of(desk.tell(facts, thread, sequence=sequence))


class Edits(Suite):
    """Where the first message of an incident is edited, so that it shows how it is."""

    def test_the_root_shows_how_the_incident_is(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        desk.tell(_GROWN, thread, sequence=2)
        assert "crash-loop, oom-kill" in desk.shown[0].text
        desk.tell(content(kind=Kind.RESOLVED), thread, sequence=3)
        assert "RESOLVED after 12 m" in desk.shown[0].text

    def test_news_that_call_nobody_only_edit(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        desk.tell(content(alert(is_new=False, count=99), kind=Kind.UPDATE, is_quiet=True), thread, sequence=2)
        assert [shown.edits for shown in desk.shown] == [1]

    def test_it_edits_its_own_message_after_a_restart(self, desk: Desk) -> None:
        thread = thread_of(Receipt(dict(desk.tell().values)))
        desk.tell(incident=_OTHER)
        desk.tell(content(kind=Kind.RESOLVED), thread, sequence=2, channel=desk.create())
        assert [shown.edits for shown in desk.shown[:2]] == [1, 0]
        assert "RESOLVED" not in desk.shown[1].text

    def test_F27_a_root_that_is_gone_is_told_anew_once(self, desk: Desk) -> None:
        vendor: EditableVendor = desk.vendor  # type: ignore[assignment]  # as this is where messages are edited
        thread = thread_of(desk.tell())
        vendor.delete(desk.shown[0].id)
        receipt = desk.tell(content(kind=Kind.RESOLVED), thread, sequence=2)
        root = only(desk.shown)
        assert "RESOLVED after 12 m" in root.text
        assert receipt != thread.root


class Incidents(Suite):
    """Where the service keeps incidents: each is opened once, and ended."""

    def test_an_incident_is_opened_once_and_ended(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        for sequence, kind in enumerate((Kind.UPDATE, Kind.REPEAT), 2):
            desk.tell(content(kind=kind), thread, sequence=sequence)
        assert [shown.is_over for shown in desk.shown] == [False]
        desk.tell(content(kind=Kind.RESOLVED), thread, sequence=4)
        assert [shown.is_over for shown in desk.shown] == [True]

    def test_what_is_no_longer_observed_is_ended_too(self, desk: Desk) -> None:
        desk.tell(content(kind=Kind.EXPIRED), thread_of(desk.tell()), sequence=2)
        assert [shown.is_over for shown in desk.shown] == [True]

    def test_F15_a_resend_opens_no_second_one(self, desk: Desk) -> None:
        message = desk.render()
        for _ in range(3):
            desk.send(message)
        assert [shown.is_over for shown in desk.shown] == [False]

    def test_an_end_that_is_sent_twice_does_no_harm(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        for _ in range(2):
            desk.tell(content(kind=Kind.RESOLVED), thread, sequence=2)
        assert [shown.is_over for shown in desk.shown] == [True]

    def test_the_next_episode_is_an_incident_of_its_own(self, desk: Desk) -> None:
        desk.tell(content(kind=Kind.RESOLVED), thread_of(desk.tell()), sequence=2)
        desk.tell(content(alert(episode=2)), incident="kw/g5h2j7/2")
        assert [shown.is_over for shown in desk.shown] == [True, False]

    def test_an_end_ends_its_own_incident_only(self, desk: Desk) -> None:
        other = thread_of(desk.tell(content(alert(fingerprint="2b3c4d5e6f7g8h9j2k3m4n5p6q")), incident=_OTHER))
        desk.tell()
        desk.tell(
            content(alert(fingerprint="2b3c4d5e6f7g8h9j2k3m4n5p6q"), kind=Kind.RESOLVED),
            other,
            sequence=2,
            incident=_OTHER,
        )
        assert [shown.is_over for shown in desk.shown] == [True, False]

    def test_it_is_ended_after_a_restart(self, desk: Desk) -> None:
        receipt = Receipt(dict(desk.tell().values))
        desk.tell(content(kind=Kind.RESOLVED), Thread(receipt), sequence=2, channel=desk.create())
        assert [shown.is_over for shown in desk.shown] == [True]


def roots(desk: Desk) -> list[Shown]:
    """Return what stands for itself."""
    return [shown for shown in desk.shown if not shown.thread]


def only(shown: list[Shown]) -> Shown:
    """Return the only one there is."""
    assert len(shown) == 1
    return shown[0]
