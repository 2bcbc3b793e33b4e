"""Strategic merge patches, by the examples of their own documentation.

https://git.k8s.io/community/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from typing import Any

import pytest

from kwatch.testing.fake.patches import strategically_merged

A, B = {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param(
            {"containers": [A]}, {"containers": [B]}, {"containers": [A, B]}, id="an element is added by its key"
        ),
        pytest.param(
            {"containers": [A, B]},
            {
                "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
                "containers": [{"name": "a", "image": "c"}],
            },
            {"containers": [{"name": "a", "image": "c"}, B]},
            id="an element is changed in its place",
        ),
        pytest.param(
            {"containers": [A, B]},
            {"containers": [{"name": "a", "$patch": "delete"}]},
            {"containers": [B]},
            id="an element is removed",
        ),
        pytest.param(
            {"containers": [A]},
            {"containers": [B, {"$patch": "replace"}]},
            {"containers": [B]},
            id="a list is replaced",
        ),
        pytest.param(
            {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]},
            {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]},
            {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}]},
            id="lists inside of elements",
        ),
        pytest.param(
            {"ports": [{"containerPort": 1}], "spec": {"ports": [{"port": 1}]}},
            {"ports": [{"containerPort": 2}], "spec": {"ports": [{"port": 1, "name": "p"}]}},
            {"ports": [{"containerPort": 1}, {"containerPort": 2}], "spec": {"ports": [{"port": 1, "name": "p"}]}},
            id="ports of containers and of services",
        ),
        pytest.param({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}, id="a list without a key is replaced"),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "b"}]},
            id="atomic",
        ),
        pytest.param(
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
            {"strategy": {"type": "Recreate"}},
            id="of a union the other members go",
        ),
        pytest.param(
            {"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}, id="a mapping is replaced"
        ),
        pytest.param({"a": {"b": 1}, "c": 2}, {"a": {"$patch": "delete"}}, {"c": 2}, id="a mapping is removed"),
        pytest.param({"a": 1, "b": 2}, {"a": None}, {"b": 2}, id="null removes"),
    ],
)
def test_a_strategic_patch_does_what_it_says(before: Any, patch: Any, after: Any) -> None:
    assert strategically_merged(before, patch) == after
