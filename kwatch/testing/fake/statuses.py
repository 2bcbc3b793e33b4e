"""The API server's error answers, word for word: each function names one and returns it to be raised."""

from collections.abc import Mapping, Sequence
from typing import Any

#: How the reasons of field errors begin in texts (apimachinery, `field.ErrorType.String`).
CAUSES = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueNotSupported": "Unsupported value",
}


class StatusError(Exception):
    """An answer that is not a success; `body` is the Status object."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.body["message"] = message
        if reason:
            self.body["reason"] = reason
        if details is not None:
            self.body["details"] = dict(details)
        self.body["code"] = code


def details_of(kind: str, name: str = "", group: str = "", **more: Any) -> dict[str, Any]:
    """Return a Status's details without what is empty."""
    details = {"name": name, "group": group, "kind": kind, **more}
    return {key: value for key, value in details.items() if value}


def qualified(resource: str, group: str) -> str:
    """`pods`, `deployments.apps`."""
    return f"{resource}.{group}" if group else resource


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, resource: str, group: str, *, namespace: str = "", name: str = "") -> StatusError:
    """`resource` may hold a subresource (`pods/status`), which only the text names."""
    plural = resource.partition("/")[0]
    subject = qualified(plural, group) + (f' "{name}"' if name else "")
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    words = f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {scope}'
    return StatusError(403, "Forbidden", words, details_of(plural, name, group))


def no_such_path() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def not_found(resource: str, group: str, name: str) -> StatusError:
    message = f'{qualified(resource, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, details_of(resource, name, group))


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable() -> StatusError:
    known = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    message = f"406: Not Acceptable\n\nAvailable representations: {known}"
    return StatusError(406, "NotAcceptable", message, {})


def not_transformable() -> StatusError:
    known = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {known}")


def already_exists(resource: str, group: str, name: str) -> StatusError:
    message = f'{qualified(resource, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details_of(resource, name, group))


def conflict(resource: str, group: str, name: str, why: str = "") -> StatusError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details_of(resource, name, group))


def expired(message: str, *, token: str = "") -> StatusError:
    """`token` lets the client continue with an inconsistent list."""
    error = StatusError(410, "Expired", message)
    if token:
        error.body["metadata"] = {"continue": token}
    return error


def unsupported_media_type(message: str, details: Mapping[str, Any] | None = None) -> StatusError:
    return StatusError(415, "UnsupportedMediaType", message, details)


#: A field error: field, reason (a key of CAUSES), text.
Cause = tuple[str, str, str]


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """Return the 422 of a validation; several causes stand in brackets."""
    texts = [f"{CAUSES[reason]}: {text}" if text else CAUSES[reason] for _, reason, text in causes]
    listed = ", ".join(f"{field}: {text}" for (field, _, _), text in zip(causes, texts, strict=True))
    message = f'{qualified(kind, group)} "{name}" is invalid: ' + (f"[{listed}]" if len(causes) > 1 else listed)
    entries = [
        {"reason": reason, "message": text, "field": field}
        for (field, reason, _), text in zip(causes, texts, strict=True)
    ]
    return StatusError(422, "Invalid", message, details_of(kind, name, group, causes=entries))


def too_many_requests(retry_after: int) -> StatusError:
    message = "Too many requests, please try again later."
    return StatusError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after})


def too_large_version(asked: int, current: int) -> StatusError:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return StatusError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
