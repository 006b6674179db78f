"""deploy/kubernetes as the API server gets it: built by kustomize, and taken apart."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ground.repository import DEPLOY

Manifest = dict[str, Any]
CUSTOM = {"ServiceMonitor", "PrometheusRule"}  # of Prometheus's operator, not of Kubernetes


def kustomize() -> list[str]:
    """The program, as its own or as kubectl has it. Skips without; in CI that is a failure."""
    if own := shutil.which("kustomize"):
        return [own, "build"]
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    why = "neither kustomize nor kubectl is on this machine"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def make_secrets(folder: Path) -> None:
    """What deploy/secrets.sh makes, for a database elsewhere, and what an operator writes."""
    subprocess.run(
        ["sh", str(DEPLOY / "secrets.sh"), str(folder)],
        env=os.environ | {"DATABASE": "10.20.0.5:5432"},
        check=True,
        capture_output=True,
    )
    for name in ("smtp", "mail_copies", "twilio_token"):
        (folder / name).write_text("invented")


def built(folder: Path, overlay: str = "kubernetes/overlays/example") -> list[Manifest]:
    """Build a copy of the overlay in `folder`, with secrets of its own."""
    for part in ("kubernetes", "pgbouncer"):
        shutil.copytree(DEPLOY / part, folder / part, dirs_exist_ok=True)
    if overlay.endswith("example"):
        make_secrets(folder / overlay / "secrets")
    done = subprocess.run(
        [*kustomize(), str(folder / overlay)], check=True, capture_output=True, text=True
    )
    return list(yaml.safe_load_all(done.stdout))


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """Name → manifest of these kinds."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] in kinds}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Component → template of its pods (labels and spec)."""
    found = {}
    for one in manifests:
        if one["kind"] in ("Deployment", "Job"):
            template = one["spec"]["template"]
        elif one["kind"] == "CronJob":
            template = one["spec"]["jobTemplate"]["spec"]["template"]
        else:
            continue
        found[one["metadata"]["name"]] = template
    return found


def containers(template: Manifest) -> Iterator[Manifest]:
    """Every container of a pod, those before its start included."""
    spec = template["spec"]
    yield from (*spec.get("initContainers", []), *spec["containers"])


def environment(container: Manifest) -> dict[str, str]:
    """What a container says itself of its environment; '' where the cluster fills it in."""
    return {one["name"]: one.get("value", "") for one in container.get("env", [])}


def secret_files(template: Manifest, manifests: list[Manifest]) -> set[str]:
    """The names of the files that a pod's secrets hold."""
    names = set()
    for volume in template["spec"].get("volumes", []):
        if "secret" in volume:
            names.add(volume["secret"]["secretName"])
        for part in volume.get("projected", {}).get("sources", []):
            names.add(part["secret"]["name"])
    held = of_kind(manifests, "Secret")
    return {file for name in names for file in held[name]["data"]}


# -- Who reaches whom


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "this reads labels only"
    asked: dict[str, str] = selector.get("matchLabels", {})
    return asked.items() <= labels.items()


def _peer(peer: Manifest, labels: dict[str, str] | None, namespace: str) -> bool:
    """Whether a peer of a policy is a pod with these labels; `labels` None: an address outside."""
    if "ipBlock" in peer or labels is None:
        return False
    there = {"kubernetes.io/metadata.name": namespace}
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], there):
            return False
    elif namespace != "cairn":
        return False
    return _selects(peer.get("podSelector", {}), labels)


def may(
    manifests: list[Manifest],
    direction: str,
    mine: dict[str, str],
    other: dict[str, str],
    port: int,
    namespace: str = "cairn",
) -> bool:
    """Whether the policies let the pod `mine` reach `other` (Egress), or be reached (Ingress)."""
    policies = [
        one["spec"]
        for one in of_kind(manifests, "NetworkPolicy").values()
        if direction in one["spec"]["policyTypes"] and _selects(one["spec"]["podSelector"], mine)
    ]
    rules = [rule for one in policies for rule in one.get(direction.lower(), [])]
    side = "to" if direction == "Egress" else "from"
    return not policies or any(
        port in {one["port"] for one in rule["ports"]}
        and any(_peer(peer, other, namespace) for peer in rule[side])
        for rule in rules
    )


def blocks(manifests: list[Manifest], mine: dict[str, str], port: int) -> set[str]:
    """The address blocks that a pod may reach at a port."""
    return {
        peer["ipBlock"]["cidr"]
        for one in of_kind(manifests, "NetworkPolicy").values()
        if _selects(one["spec"]["podSelector"], mine)
        for rule in one["spec"].get("egress", [])
        if port in {each["port"] for each in rule["ports"]}
        for peer in rule["to"]
        if "ipBlock" in peer
    }
