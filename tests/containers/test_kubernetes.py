"""deploy/kubernetes: built by kustomize, held against the schemas of Kubernetes and our own rules.

No cluster is needed. The schemas are those of the package kubernetes-validate.
"""

import copy
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from tests.support.ground import manifests as kubernetes
from tests.support.ground.manifests import CUSTOM, Manifest, containers, environment, of_kind, pods
from tests.support.ground.repository import DEPLOY, NEEDED, REPOSITORY

pytestmark = pytest.mark.static

OLDEST = "1.30"  # as deploy/kubernetes/base says
VERSIONS = (OLDEST, kubernetes_validate.latest_version())
OURS = ("web", "worker", "tools", "migrate", "clear-sessions", "look-ahead", "add-months")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return kubernetes.built(tmp_path_factory.mktemp("kubernetes"))


def test_everything_is_what_the_api_server_takes(manifests: list[Manifest]) -> None:
    asked = [one for one in manifests if one["kind"] not in CUSTOM]
    assert len(asked) > 30
    for one in asked:
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
    assert {one["kind"] for one in manifests} >= CUSTOM


@pytest.mark.parametrize(
    "change", [{"replicas": "two"}, {"replica": 2}, {"template": {"spec": {"containers": "none"}}}]
)
def test_what_it_does_not_take_is_noticed(manifests: list[Manifest], change: Manifest) -> None:
    web = copy.deepcopy(of_kind(manifests, "Deployment")["web"])
    web["spec"] |= change
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(web, VERSIONS[-1], strict=True)


def test_the_base_builds_alone(tmp_path: Path) -> None:
    base = kubernetes.built(tmp_path, "kubernetes/base")
    assert of_kind(base, "Secret") == {}
    assert not {"ServiceMonitor", "Ingress"} & {one["kind"] for one in base}


# -- Pods


def breaches(template: Manifest) -> Iterator[str]:
    """Where a pod breaks the Pod Security Standard "restricted" (Kubernetes's own list)."""
    spec = template["spec"]
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    allowed = {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
        *("projected", "secret"),
    }
    for volume in spec.get("volumes", []):
        if not (set(volume) - {"name"}) <= allowed:
            yield f"volume {volume['name']}"
    whole = spec.get("securityContext", {})
    for one in containers(template):
        own = one.get("securityContext", {})
        said = {**whole, **own}
        if said.get("runAsNonRoot") is not True or said.get("runAsUser") == 0:
            yield f"{one['name']}: root"
        if said.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{one['name']}: seccomp"
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield f"{one['name']}: escalation"
        rights = own.get("capabilities", {})
        if "ALL" not in rights.get("drop", []) or set(rights.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{one['name']}: capabilities"
        if any("hostPort" in port for port in one.get("ports", [])):
            yield f"{one['name']}: hostPort"
        if said.get("procMount", "Default") != "Default" or said.get("sysctls"):
            yield f"{one['name']}: kernel"


def test_every_pod_is_restricted_as_the_namespace_demands(manifests: list[Manifest]) -> None:
    labels = of_kind(manifests, "Namespace")["cairn"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    found = pods(manifests)
    assert set(found) == {*OURS, "pgbouncer"}
    for name, template in found.items():
        assert list(breaches(template)) == [], name


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("runAsUser", 0),
        ("allowPrivilegeEscalation", True),
        ("capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    ],
)
def test_a_pod_that_is_not_restricted_is_noticed(
    manifests: list[Manifest], where: str, value: Any
) -> None:
    template = copy.deepcopy(pods(manifests)["web"])
    template["spec"]["containers"][0]["securityContext"][where] = value
    assert list(breaches(template))


def test_every_pod_is_bounded_read_only_and_without_a_token(manifests: list[Manifest]) -> None:
    for name, template in pods(manifests).items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["serviceAccountName"] == "cairn", name
        user = 10002 if name == "pgbouncer" else 10001
        assert spec["securityContext"]["runAsUser"] == user, name
        assert spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch", name
        for one in containers(template):
            assert one["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert set(one["resources"]["limits"]) >= {"memory", "ephemeral-storage"}, name
            assert set(one["resources"]["requests"]) >= {"memory", "cpu"}, name
            assert "@sha256:" in one["image"], "by digest"
            places = {m["mountPath"] for m in one["volumeMounts"] if not m.get("readOnly")}
            assert all(at == "/tmp" or at.startswith("/var/lib/cairn/") for at in places), name
        memory = [one for one in spec["volumes"] if one["name"] == "tmp"]
        assert memory[0]["emptyDir"]["medium"] == "Memory", name
    assert of_kind(manifests, "ServiceAccount")["cairn"]["automountServiceAccountToken"] is False


# -- What each is given


OF_THE_ROLES = {
    "web": {"app", "signin", "editor", "auditor"},
    "worker": {"app", "jobs", "sealer"},
    "tools": {"app", "signin", "editor", "auditor", "jobs", "sealer"},
    "migrate": {"app", "owner"},
    "add-months": {"app", "owner"},
    "clear-sessions": {"app", "signin"},
    "look-ahead": {"app", "jobs"},
}


def test_each_process_gets_the_secrets_it_reads_and_no_others(manifests: list[Manifest]) -> None:
    for name, roles in OF_THE_ROLES.items():
        template = pods(manifests)[name]
        held = kubernetes.secret_files(template, manifests)
        way = "pooled" if name == "web" else "direct"
        urls = {one for one in held if one.startswith(("pooled_", "direct_"))}
        assert urls == {f"{way}_{role}" for role in roles}, name
        given = [environment(one) for one in containers(template)]
        files = {
            value.removeprefix("/run/secrets/cairn/")
            for one in given
            for variable, value in one.items()
            if variable.endswith("_FILE")
        }
        assert files == held, name
        for one in given:
            pooled = any("pooled_" in value for value in one.values())
            assert (one.get("CAIRN_PREPARE") == "0") == pooled, name
    assert kubernetes.secret_files(pods(manifests)["pgbouncer"], manifests) == {"userlist.txt"}


def test_the_roles_urls_are_under_the_names_that_the_settings_read(
    manifests: list[Manifest],
) -> None:
    for name in OURS:
        for one in containers(pods(manifests)[name]):
            for variable, value in environment(one).items():
                if found := re.search(r"(?:pooled|direct)_(\w+)$", value):
                    role = "" if found[1] == "app" else f"_{found[1].upper()}"
                    assert variable == f"DATABASE_URL{role}_FILE", name


def test_every_setting_is_one_and_what_a_server_needs_is_given(manifests: list[Manifest]) -> None:
    known = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    (settings,) = (
        one["data"] for name, one in of_kind(manifests, "ConfigMap").items() if "settings" in name
    )
    for name in OURS:
        for one in containers(pods(manifests)[name]):
            assert one["envFrom"][0]["configMapRef"]["name"].startswith("cairn-settings-"), name
            given = set(settings) | set(environment(one))
            unknown = given - known - {"SQLITE_TMPDIR"}
            assert {each.removesuffix("_FILE") for each in unknown} <= known, name
            assert {each.removesuffix("_FILE") for each in given} >= set(NEEDED), name
    assert settings["CAIRN_PROXIES"] == "1", "the ingress"


def test_no_secret_is_in_the_repository(manifests: list[Manifest]) -> None:
    for path in (DEPLOY / "kubernetes").rglob("*.yaml"):
        for one in yaml.safe_load_all(path.read_text()):
            assert one["kind"] != "Secret", path
    for place in ("deploy/kubernetes/overlays/example/secrets/secret_key", "deploy/secrets/x"):
        asked = subprocess.run(
            ["git", "check-ignore", "--no-index", place], cwd=REPOSITORY, check=False
        )
        if (REPOSITORY / ".git").exists():
            assert asked.returncode == 0, place
    for name in of_kind(manifests, "Secret"):
        if name != "cairn-metrics":  # read at each use
            assert re.search(r"-[a-z0-9]{10}$", name), "a change rolls the pods"


# -- How it runs


def test_the_migration_goes_before_and_alone_has_the_owners_url(manifests: list[Manifest]) -> None:
    for name in ("web", "worker"):
        (first,) = pods(manifests)[name]["spec"]["initContainers"]
        assert first["args"] == ["sh", "-c", "until python manage.py schema; do sleep 5; done"]
    assert of_kind(manifests, "Deployment")["worker"]["spec"]["strategy"] == {"type": "Recreate"}
    rolling = of_kind(manifests, "Deployment")["web"]["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxUnavailable"] == 0


def test_every_command_is_one(manifests: list[Manifest]) -> None:
    commands = get_commands()
    for name in set(OURS) - {"web", "tools"}:
        (one,) = pods(manifests)[name]["spec"]["containers"]
        assert one["args"][:2] == ["python", "manage.py"], name
        assert one["args"][2] in commands, name


def test_web_is_asked_how_it_is_and_stands_twice(manifests: list[Manifest]) -> None:
    web = of_kind(manifests, "Deployment")["web"]["spec"]
    (one,) = web["template"]["spec"]["containers"]
    asked = {
        kind: one[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {kind: each["path"] for kind, each in asked.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert {each["port"] for each in asked.values()} == {one["ports"][0]["name"]}
    assert web["replicas"] == 2
    (spread,) = web["template"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    # gunicorn lets requests end for 30 seconds, after the five in which proxies learn of it.
    assert web["template"]["spec"]["terminationGracePeriodSeconds"] >= 40


def test_budgets_services_and_spread_select_pods_that_are_there(manifests: list[Manifest]) -> None:
    labels = {name: one["metadata"]["labels"] for name, one in pods(manifests).items()}

    def selected(selector: dict[str, str]) -> set[str]:
        return {name for name, has in labels.items() if selector.items() <= has.items()}

    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert set(budgets) == {"web", "worker", "pgbouncer"}
    for name, one in budgets.items():
        assert selected(one["spec"]["selector"]["matchLabels"]) == {name}
        replicas = of_kind(manifests, "Deployment")[name]["spec"]["replicas"]
        assert one["spec"].get("minAvailable", 0) < replicas, "a node can be drained"
    for name, one in of_kind(manifests, "Service").items():
        assert selected(one["spec"]["selector"]) == {name}
    for name, one in pods(manifests).items():
        for each in one["spec"].get("topologySpreadConstraints", []):
            assert selected(each["labelSelector"]["matchLabels"]) == {name}


def test_keys_and_journal_are_shared_and_the_copy_is_elsewhere(manifests: list[Manifest]) -> None:
    claims = of_kind(manifests, "PersistentVolumeClaim")
    shared = {
        name for name, one in claims.items() if one["spec"]["accessModes"] == ["ReadWriteMany"]
    }
    assert (shared, set(claims)) == (
        {"keys", "journal"},
        {"keys", "journal", "key-copy", "witness"},
    )
    stores = {name: one["spec"]["storageClassName"] for name, one in claims.items()}
    assert stores["key-copy"] != stores["keys"]
    for name in OURS:
        spec = pods(manifests)[name]["spec"]
        mounted = {
            v["persistentVolumeClaim"]["claimName"]
            for v in spec["volumes"]
            if "persistentVolumeClaim" in v
        }
        both = {"key-copy", "witness"} if name in ("worker", "tools") else set()
        assert mounted == {"keys", "journal"} | both, name


# -- Who reaches whom


def test_only_the_named_ways_are_open(manifests: list[Manifest]) -> None:
    labels = {name: one["metadata"]["labels"] for name, one in pods(manifests).items()}
    stranger = {"app.kubernetes.io/name": "something-else"}
    controller = {"app.kubernetes.io/component": "controller"}
    prometheus = {"app.kubernetes.io/name": "prometheus"}

    def both_ways(here: dict[str, str], there: dict[str, str], port: int) -> bool:
        out = kubernetes.may(manifests, "Egress", here, there, port)
        return out and kubernetes.may(manifests, "Ingress", there, here, port)

    ways = {
        (here, there, port)
        for here in labels
        for there in labels
        for port in (8000, 6432, 5432)
        if both_ways(labels[here], labels[there], port)
    }
    assert ways == {("web", "pgbouncer", 6432)}
    for name, mine in labels.items():
        for port in (22, 8000, 6432):
            assert not kubernetes.may(manifests, "Ingress", mine, stranger, port), name
            assert not kubernetes.may(manifests, "Egress", mine, stranger, port), name
        by = kubernetes.may(manifests, "Ingress", mine, controller, 8000, "ingress-nginx")
        read = kubernetes.may(manifests, "Ingress", mine, prometheus, 8000, "monitoring")
        assert (by, read) == (name == "web", name == "web"), name
        assert not kubernetes.may(manifests, "Ingress", mine, controller, 8000, "elsewhere")


def test_the_database_is_reached_past_the_pooler_by_all_but_web(manifests: list[Manifest]) -> None:
    for name, template in pods(manifests).items():
        blocks = kubernetes.blocks(manifests, template["metadata"]["labels"], 5432)
        assert blocks == (set() if name == "web" else {"10.20.0.5/32"}), name


def test_what_goes_out_goes_to_the_internet_alone(manifests: list[Manifest]) -> None:
    out = {
        name
        for name, one in pods(manifests).items()
        if kubernetes.blocks(manifests, one["metadata"]["labels"], 443)
    }
    assert out == {"web", "worker", "tools"}
    (rule,) = of_kind(manifests, "NetworkPolicy")["to-internet"]["spec"]["egress"]
    ours = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"}
    assert ours <= set(rule["to"][0]["ipBlock"]["except"])
    assert set(rule["to"][1]["ipBlock"]["except"]) == {"fc00::/7", "fe80::/10"}


# -- Figures


def test_prometheus_gets_the_rules_and_the_token_of_deploy(manifests: list[Manifest]) -> None:
    rules = of_kind(manifests, "PrometheusRule")["cairn"]["spec"]
    assert rules == yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    (endpoint,) = of_kind(manifests, "ServiceMonitor")["web"]["spec"]["endpoints"]
    asked = endpoint["authorization"]["credentials"]
    assert asked["key"] in of_kind(manifests, "Secret")[asked["name"]]["data"]
    ports = of_kind(manifests, "Service")["web"]["spec"]["ports"]
    assert endpoint["port"] in {port["name"] for port in ports}
