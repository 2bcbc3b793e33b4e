"""What Kubernetes can call its objects and labels, and what it cannot; `bad/names-that-cannot-be` has the messages."""

import pytest

from kwatch.config.names import LABEL_KEY, LABEL_VALUE, NAMESPACE, OBJECT_FORMS, Form

DOMAIN = ".".join(["a" * 62] * 4)  # 251 characters


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (LABEL_KEY, ["a", "A_b.c-9", "app.kubernetes.io/part-of", "a" * 63, f"{DOMAIN}/{'a' * 63}"]),
        (LABEL_VALUE, ["a", "0", "true", "A_b.c-9", "web-*", "*", "?", "*-web", "a?-*", "a" * 63, "a" * 63 + "*"]),
        (NAMESPACE, ["shop", "9", "prod-*", "*", "?-a", "a" * 63]),
        (OBJECT_FORMS["node"], ["n1", "ip-10-0-0-1.eu-west-1.compute.internal", "*.internal", "n?"]),
        (OBJECT_FORMS["owner"], ["Deployment/web", "Deployment/*", "*/web", "*", "*web", "?*", "ClusterRole/system:a"]),
        (OBJECT_FORMS["workload"], ["Node/n1", "*Set/web-?", "Deployment*"]),
    ],
)
def test_what_can_be_is_taken(form: Form, texts: list[str]) -> None:
    assert [text for text in texts if not form.takes(text)] == []


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (LABEL_KEY, ["a b", "a/", "/a", "x/y/z", "-a", "a_", "*", "A.b/c", "a..b/c", "a" * 64, f"a/{'a' * 64}", "a\n"]),
        (LABEL_VALUE, ["a b", "-a", "a-", "-*", "*.", "a/b", "é", "a" * 64, "a\n"]),
        (NAMESPACE, ["Prod", "a_b", "a.b", "a b", "-a", "a-", "a-*-", "a" * 64, "a\n"]),
        (OBJECT_FORMS["node"], ["N1", "n_1", ".n", "n.", "a" * 254]),
        (OBJECT_FORMS["owner"], ["Deployment", "deployment/web", "/web", "Deployment/", "a/b/c", "web"]),
        (OBJECT_FORMS["workload"], ["web", "shop/web", "Deployment/*/a"]),
    ],
)
def test_what_can_never_be_is_refused(form: Form, texts: list[str]) -> None:
    assert [text for text in texts if form.takes(text)] == []
