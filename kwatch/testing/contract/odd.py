"""Answers that no service should give: what it says, with one value of it replaced by one of another kind."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

#: The words that services answer with, each with a value that means something to one of them.
_WORDS: Final[Mapping[str, Any]] = {
    "ok": True,
    "id": "1",
    "channel": "C042",
    "channel_id": "2",
    "ts": "1.000001",
    "name": "spaces/1/messages/1",
    "event_id": "$1",
    "unsigned": {"redacted_because": {}},
    "requestId": "r",
    "data": {"isSuccess": False, "status": "failed"},
    "status": "success",
    "dedup_key": "kw/g5h2j7/1",
    "code": 10008,
    "description": "bad",
    "errcode": "M_UNKNOWN",
    "error": {"code": "WorkflowNotFound", "message": "bad", "status": "INVALID_ARGUMENT"},
    "errors": ["bad"],
    "message": "bad",
    "retry_after": 3,
    "retry_after_ms": 3000,
    "parameters": {"retry_after": 3, "migrate_to_chat_id": -100},
    "result": {"message_id": 1, "chat": {"id": 1}},
    "messages": [{"ts": "1.000001", "metadata": {"event_payload": {"id": "1"}}}],
}
_ODD: Final[tuple[Any, ...]] = (None, [1], {"a": 1}, "x", -1, True, 1e300)


def answers() -> Iterator[bytes]:
    """Yield the bodies."""
    for tree in (*_changed(_WORDS), *({**_WORDS, "ok": False, "error": odd} for odd in _ODD), *_ODD):
        yield json.dumps(tree).encode()


def _changed(tree: Any) -> Iterator[Any]:
    """Yield the tree once for each of its values and each odd one in its place."""
    if not isinstance(tree, (dict, list)):
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        for other in (*_ODD, *_changed(value)):
            yield {**tree, key: other} if isinstance(tree, dict) else [other]
