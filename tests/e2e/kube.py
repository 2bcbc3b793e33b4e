"""A client for tests that is not kwatch's own: what it does to the cluster must not depend on what is tested."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.waiting import until


class Kube:
    """Create, patch and delete objects by path, as the admin of a test cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._url = cluster["server"]
        self._context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Return the decoded answer; an error status raises `urllib.error.HTTPError`."""
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, "Content-Type": content_type},
        )
        with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:
            return json.loads(answer.read())

    def exists(self, path: str) -> bool:
        """Return whether there is an object; a kind that is just being installed answers 429."""
        try:
            self.ask("GET", path)
        except urllib.error.HTTPError as error:
            if error.code not in {404, 429}:
                raise
            return False
        return True

    def namespace(self, name: str) -> None:
        """Make a namespace, and wait for the ServiceAccount without which no Pod is taken in it."""
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self.exists(account), 20, account)

    def patch(self, path: str, change: Any) -> None:
        """Merge a change into an object; lists with names in them are merged by name."""
        self.ask("PATCH", path, change, "application/strategic-merge-patch+json")

    def pod(
        self,
        namespace: str,
        name: str,
        *args: str,
        node_selector: Mapping[str, str] | None = None,
        **container: Any,
    ) -> None:
        """Make a Pod of the workload image; `container` is merged over its only container."""
        body = {"metadata": {"name": name}, "spec": {**spec(*args, **container), "nodeSelector": node_selector or {}}}
        self.ask("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    def deployment(self, namespace: str, name: str, *args: str, deadline: int = 600, **container: Any) -> None:
        """Make a Deployment of one replica; `deadline` is its progressDeadlineSeconds."""
        labels = {"app": name}
        self.ask(
            "POST",
            f"/apis/apps/v1/namespaces/{namespace}/deployments",
            {
                "metadata": {"name": name},
                "spec": {
                    "replicas": 1,
                    "progressDeadlineSeconds": deadline,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec(*args, **container)},
                },
            },
        )

    def set_container(self, namespace: str, name: str, *args: str, **container: Any) -> None:
        """Change a Deployment's container: a rollout."""
        change = {"spec": {"template": {"spec": spec(*args, **container)}}}
        self.patch(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}", change)

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is as good."""
        try:
            self.ask("DELETE", path, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise


def spec(*args: str, **container: Any) -> dict[str, Any]:
    """Return a Pod's spec with one container that runs the workload with `args`."""
    main = {"name": "main", "image": "kubetest.local/workload:1", "imagePullPolicy": "Never", "args": list(args)}
    return {"terminationGracePeriodSeconds": 1, "containers": [{**main, **container}]}
