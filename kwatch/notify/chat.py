"""What all chats do alike: an incident is one message that is edited, with answers below it.

The steps are planned when a notification is rendered; a room, one place at one vendor, writes pages in the vendor's
form and takes the steps there. What has to be edited or answered and is gone is posted anew, once, and is the
incident's message from then on. A room that cannot edit gets each notification as a message of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Protocol, runtime_checkable

import msgspec
from msgspec.structs import replace

from kwatch.errors import Failure, PermanentSendError, Reason
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.base import ChannelConfig, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import line
from kwatch.notify.page import OpenIncident, Page, fact_page, news_page, text_page

#: Kinds that tell of something for the first time.
_OPENING = frozenset({NotificationKind.FIRING, NotificationKind.SUMMARY, NotificationKind.OVERFLOW})
#: Kinds that stand for themselves: they never edit what was said before.
_ALONE = frozenset({NotificationKind.NOTICE, NotificationKind.META, NotificationKind.TEST})

#: Kinds that tell of an incident that goes on.
_OPEN = frozenset({NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.REPEAT})

Body = Mapping[str, Any]


class Act(Enum):
    """What is done with a body."""

    POST = "post"  # it is the incident's message from now on
    EDIT = "edit"  # it takes the place of that message
    ANSWER = "answer"  # it stands below that message


class Step(msgspec.Struct, frozen=True):
    """One thing to do in a room; `key` is the same over all attempts, and no other step has it."""

    act: Act
    body: Body
    key: str


class LostError(PermanentSendError):
    """The message to edit, or to answer to, is not there any more."""

    def __init__(self, detail: str) -> None:
        super().__init__(Failure.MESSAGE, Reason.NOT_FOUND, detail)


class Room(Protocol):
    """One place of one vendor. `post`, `edit` and `answer` raise SendError, the last two LostError."""

    @property
    def can_edit(self) -> bool:
        """Whether a message that was posted can be changed."""
        ...

    def write(self, page: Page, mention: str) -> Body:
        """Return the page in the vendor's form, within its limits; `mention` as it is in the configuration."""
        ...

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return the page without a layout: for a vendor that has refused one."""
        ...

    async def post(self, body: Body, key: str) -> Receipt:
        """Post it; return what `edit` and `answer` need."""
        ...

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Put it in the place of a message."""
        ...

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Post it below a message, or as another where there are no threads."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class PostsOnly(ABC):
    """A room where nothing that was posted can be changed, and an answer is another message."""

    can_edit = False

    @abstractmethod
    async def post(self, body: Body, key: str) -> Receipt:
        """Post it."""

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Never asked for."""
        raise AssertionError("unreachable")

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Post it."""
        await self.post(body, key)


@runtime_checkable
class SearchableRoom(Protocol):
    """A room that can be asked for what was posted."""

    async def find(self, key: str) -> Receipt | None:
        """Return what `post` gave back, or should have, for a key; None where that is not to be known."""
        ...


class Chat:
    """Tells one room."""

    max_age = timedelta(hours=6)

    def __init__(
        self, config: ChannelConfig, tools: Tools, room: Room, mention: Mapping[Severity, str] | None = None
    ) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._templates = tools.templates
        self._room = room
        self._mention = mention or {}

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the steps to take; degraded, with plain texts."""
        texts = Composition(self._config, self._templates.for_message(), notification)
        mention = self._whom(notification, thread)
        is_edit = self._room.can_edit and edits(notification, thread)
        upper, lower = ("", mention) if is_edit else (mention, "")  # an edit reaches nobody
        write = self._room.write_plain if degraded else self._room.write
        page = replace(page_of(texts, is_text=degraded), incident=_open_incident(notification))
        news = news_page(page.title, texts.context) if is_edit else None
        whole, said = write(page, upper), write(news, lower) if news is not None else None
        steps = plan(notification, thread, whole, said, can_edit=self._room.can_edit)
        return Message(msgspec.json.encode(steps), fallback_reason=texts.problem)

    def page(self, notification: Notification) -> Page:
        """Return what the room lays out, for a preview."""
        return page_of(Composition(self._config, self._templates.for_message(), notification), is_text=False)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Take the planned steps; the receipt names the incident's message."""
        root = delivery.thread.root
        for step in msgspec.json.decode(message.body, type=tuple[Step, ...]):
            if root is None or step.act is Act.POST:
                return await self._room.post(step.body, step.key)
            try:
                await (self._room.edit if step.act is Act.EDIT else self._room.answer)(root, step.body, step.key)
            except LostError:
                posted = await self._room.post(step.body, f"{step.key}-anew")
                return posted if delivery.thread.is_own else root  # the new message says it all
        return root or Receipt()

    async def find(self, message: Message, delivery: Delivery) -> Receipt | None:
        """Look for the message of an incident that may have been posted; an edit is repeated without harm."""
        step = msgspec.json.decode(message.body, type=tuple[Step, ...])[0]
        if delivery.thread.root is None and step.act is Act.POST and isinstance(self._room, SearchableRoom):
            return await self._room.find(step.key)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._room.close()

    def _whom(self, notification: Notification, thread: Thread) -> str:
        """Return whom to alert: when an incident opens, or rises to the severity."""
        opens = notification.kind in _OPENING and thread.root is None
        is_due = (opens or notification.content.is_raised) and not notification.content.is_quiet
        return self._mention.get(notification.severity, "") if is_due else ""


# Planning. Pure.


def page_of(texts: Composition, *, is_text: bool) -> Page:
    """Return the message; `is_text`, or where the text is the user's own, as a text."""
    title = line(texts.text("title")) or texts.built_in("default/title.j2")
    if is_text or texts.has_own("text"):
        return text_page(title, texts.text("text"), texts.context)
    return fact_page(title, texts.context)


def edits(notification: Notification, thread: Thread) -> bool:
    """Whether a notification changes the message of its incident, where that is possible."""
    return thread.root is not None and thread.is_own and notification.kind not in _ALONE


def _open_incident(notification: Notification) -> OpenIncident | None:
    """Return what people may answer to; of several incidents in one message to none."""
    is_open = notification.kind in _OPEN
    return OpenIncident(notification.incident, notification.created_at) if is_open else None


def plan(
    notification: Notification, thread: Thread, whole: Body, said: Body | None, *, can_edit: bool
) -> tuple[Step, ...]:
    """Return the steps for a notification: `whole` is all of it, `said` what is new in it, if that is worth a word."""
    if thread.root is None:
        return (Step(Act.POST, whole, notification.id),)
    if not can_edit or not edits(notification, thread):
        return (Step(Act.ANSWER, whole, notification.id),)
    edit = Step(Act.EDIT, whole, notification.id)
    return (edit,) if said is None else (edit, Step(Act.ANSWER, said, f"{notification.id}-news"))
