"""The lab's Kubernetes API, asked by the official client and by plain HTTPS."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from kubernetes import client, config

from ingressdoctor.lab import Lab, NoPlane, World, apply_fault, load_fault, running

NAMESPACE = "ecommercen-clients-wecare"
Start = Callable[[dict[str, Any]], AbstractContextManager[Lab]]


def configuration(lab: Lab) -> Any:
    settings = client.Configuration()
    load: Any = config.load_kube_config
    load(str(lab.handout.kubeconfig), client_configuration=settings)
    return settings


def api_client(lab: Lab) -> Any:
    settings = configuration(lab)
    settings.retries = False
    return client.ApiClient(settings)


@pytest.fixture(scope="module")
def api(apis: Lab) -> Iterator[Any]:
    with api_client(apis) as opened:
        yield opened


@pytest.fixture
def https(apis: Lab) -> Iterator[httpx.Client]:
    with plain(apis) as opened:
        yield opened


def plain(lab: Lab, token: str = "") -> httpx.Client:
    context = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    bearer = token or token_of(lab)
    url = f"https://127.0.0.1:{lab.handout.endpoints.kube}"
    return httpx.Client(base_url=url, verify=context, headers={"Authorization": f"Bearer {bearer}"}, trust_env=False)


def token_of(lab: Lab) -> str:
    return str(configuration(lab).api_key["BearerToken"]).removeprefix("Bearer ")


def test_the_official_client_lists_every_page(api: Any) -> None:
    core: Any = client.CoreV1Api(api)
    everything = core.list_pod_for_all_namespaces()
    names, token, pages = [], None, 0
    while token is None or token:
        page = core.list_pod_for_all_namespaces(limit=7, **({"_continue": token} if token else {}))
        names += [pod.metadata.name for pod in page.items]
        token = page.metadata.var_continue or ""
        pages += 1
    assert names == [pod.metadata.name for pod in everything.items]
    assert pages == -(-len(names) // 7)


def test_a_chunk_says_how_many_remain(https: httpx.Client) -> None:
    total = len(https.get("/api/v1/pods").json()["items"])
    first = https.get("/api/v1/pods", params={"limit": 4}).json()
    assert first["metadata"]["remainingItemCount"] == total - 4


def test_a_token_that_is_too_old_is_answered_410_expired(with_settings: Start) -> None:
    with with_settings({"kube": {"continue_ttl_s": 0.01}}) as lab, plain(lab) as https:
        token = https.get("/api/v1/pods", params={"limit": 2}).json()["metadata"]["continue"]
        time.sleep(0.05)
        answer = https.get("/api/v1/pods", params={"limit": 2, "continue": token})
        assert (answer.status_code, answer.json()["reason"]) == (410, "Expired")
        assert answer.json()["metadata"]["continue"]


@pytest.mark.parametrize("token", ["garbage", "bm90IGpzb24", "e30", "eyJzdGFydCI6ICJ4In0"])
def test_a_made_up_token_is_a_bad_request(https: httpx.Client, token: str) -> None:
    assert https.get("/api/v1/pods", params={"continue": token}).status_code == 400


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        pytest.param("app.kubernetes.io/name=adveshop4", 3, id="equals"),
        pytest.param("app.kubernetes.io/name==adveshop4", 3, id="double-equals"),
        pytest.param("app.kubernetes.io/instance=wecare,app.kubernetes.io/name!=adveshop4", 5, id="not-equals"),
        pytest.param("app.kubernetes.io/name in (adveshop4, maxscale)", 5, id="in"),
        pytest.param(
            "app.kubernetes.io/instance=wecare,app.kubernetes.io/name notin (adveshop4,phpmyadmin)", 4, id="notin"
        ),
        pytest.param("statefulset.kubernetes.io/pod-name", 5, id="exists"),
        pytest.param("!pod-template-hash,app.kubernetes.io/name", 5, id="does-not-exist"),
        pytest.param("", 13, id="empty-selects-all"),
    ],
)
def test_label_selectors(https: httpx.Client, selector: str, count: int) -> None:
    answer = https.get(f"/api/v1/namespaces/{NAMESPACE}/pods", params={"labelSelector": selector}).json()
    assert len(answer["items"]) == count


@pytest.mark.parametrize(
    ("path", "selector", "count"),
    [
        pytest.param("/api/v1/pods", "status.phase=Running,spec.nodeName=ecnv4-node-3", 7, id="pods-of-a-node"),
        pytest.param("/api/v1/pods", "status.phase!=Running", 0, id="not-equal"),
        pytest.param("/api/v1/pods", "metadata.name=maxscale-0", 1, id="by-name"),
        pytest.param("/api/v1/events", "involvedObject.kind=Service,involvedObject.name=traefik", 2, id="events-of"),
        pytest.param("/api/v1/events", "type=Warning", 0, id="warnings"),
    ],
)
def test_field_selectors(https: httpx.Client, path: str, selector: str, count: int) -> None:
    assert len(https.get(path, params={"fieldSelector": selector}).json()["items"]) == count


@pytest.mark.parametrize(
    ("query", "part"),
    [
        pytest.param({"labelSelector": "a in b"}, "unable to parse requirement", id="bad-label-selector"),
        pytest.param({"fieldSelector": "spec.hostNetwork=true"}, "field label not supported", id="unknown-field"),
        pytest.param({"limit": "ten"}, "invalid literal", id="limit-is-no-number"),
    ],
)
def test_queries_that_cannot_be_read(https: httpx.Client, query: dict[str, str], part: str) -> None:
    answer = https.get("/api/v1/pods", params=query)
    assert answer.status_code == 400
    assert part in answer.json()["message"]


def test_secrets_are_refused_with_a_status_that_names_everything(api: Any) -> None:
    with pytest.raises(client.ApiException) as caught:
        client.CoreV1Api(api).list_namespaced_secret(namespace="traefik")
    body = json.loads(caught.value.body or "")
    assert caught.value.status == 403
    assert body["reason"] == "Forbidden"
    assert body["message"] == (
        'secrets is forbidden: User "system:serviceaccount:ingressdoctor:ingressdoctor" cannot list resource '
        '"secrets" in API group "" in the namespace "traefik"'
    )


def test_denied_resources_are_refused_and_others_are_not(with_settings: Start) -> None:
    deny = ["networkpolicies.networking.k8s.io", "pods/log"]
    with with_settings({"rbac": {"deny": deny}}) as lab, plain(lab) as https:
        refused = https.get("/apis/networking.k8s.io/v1/networkpolicies")
        assert refused.status_code == 403
        assert 'in API group "networking.k8s.io" at the cluster scope' in refused.json()["message"]
        log = https.get(f"/api/v1/namespaces/{NAMESPACE}/pods/maxscale-0/log")
        assert 'pods "maxscale-0" is forbidden' in log.json()["message"]
        assert 'cannot get resource "pods/log"' in log.json()["message"]
        assert https.get("/api/v1/pods").status_code == 200


def test_a_user_of_one_namespace_may_not_list_the_cluster(with_settings: Start) -> None:
    with with_settings({"rbac": {"namespaces": ["traefik"]}}) as lab, plain(lab) as https:
        assert https.get("/api/v1/services").status_code == 403
        assert https.get("/api/v1/nodes").status_code == 403
        assert len(https.get("/api/v1/namespaces/traefik/services").json()["items"]) == 2


def test_nothing_can_be_changed(https: httpx.Client) -> None:
    answer = https.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/maxscale-0")
    assert answer.status_code == 403
    assert "cannot delete resource" in answer.json()["message"]


def test_a_wrong_token_is_unauthorized(apis: Lab) -> None:
    with plain(apis, token="wrong") as https:
        answer = https.get("/api/v1/pods")
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/apis/gateway.networking.k8s.io/v1/httproutes", id="a-custom-resource-that-is-not-installed"),
        pytest.param("/api/v1/gadgets", id="an-unknown-core-resource"),
        pytest.param("/api/v1/namespaces/x/nodes", id="a-cluster-resource-in-a-namespace"),
        pytest.param("/nothing", id="no-api-path"),
    ],
)
def test_paths_that_do_not_exist(https: httpx.Client, path: str) -> None:
    answer = https.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_an_object_that_does_not_exist_is_a_status(https: httpx.Client) -> None:
    answer = https.get(f"/apis/traefik.io/v1alpha1/namespaces/{NAMESPACE}/ingressroutes/nope").json()
    assert (answer["reason"], answer["message"]) == ("NotFound", 'ingressroutes.traefik.io "nope" not found')


def test_a_defined_kind_without_objects_is_an_empty_list(https: httpx.Client) -> None:
    answer = https.get("/apis/traefik.io/v1alpha1/tlsoptions").json()
    assert (answer["kind"], answer["items"]) == ("TLSOptionList", [])


def test_only_custom_resources_repeat_their_kind_in_lists(https: httpx.Client) -> None:
    assert "kind" not in https.get("/api/v1/pods").json()["items"][0]
    assert https.get("/apis/traefik.io/v1alpha1/ingressroutes").json()["items"][0]["kind"] == "IngressRoute"
    assert https.get(f"/api/v1/namespaces/{NAMESPACE}/pods/maxscale-0").json()["kind"] == "Pod"


def test_discovery_names_groups_and_resources(api: Any, https: httpx.Client) -> None:
    assert client.VersionApi(api).get_code().git_version == "v1.34.2"
    groups = {group.name for group in client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "networking.k8s.io", "traefik.io", "cert-manager.io", "argoproj.io"} <= groups
    names = {item["name"] for item in https.get("/apis/traefik.io/v1alpha1").json()["resources"]}
    assert {"ingressroutes", "middlewares", "ingressroutetcps"} <= names
    assert https.get("/api").json()["versions"] == ["v1"]


def test_typed_models_accept_every_built_in_list(api: Any) -> None:
    core, apps, net = client.CoreV1Api(api), client.AppsV1Api(api), client.NetworkingV1Api(api)
    for call in (
        core.list_node,
        core.list_namespace,
        core.list_service_for_all_namespaces,
        core.list_event_for_all_namespaces,
        core.list_config_map_for_all_namespaces,
        apps.list_deployment_for_all_namespaces,
        apps.list_stateful_set_for_all_namespaces,
        apps.list_replica_set_for_all_namespaces,
        net.list_ingress_for_all_namespaces,
        net.list_ingress_class,
        net.list_network_policy_for_all_namespaces,
    ):
        assert call().items, call.__name__


def traefik_pod(https: httpx.Client) -> str:
    return str(https.get("/api/v1/namespaces/traefik/pods").json()["items"][0]["metadata"]["name"])


@pytest.mark.parametrize(
    ("query", "check"),
    [
        pytest.param({}, lambda body: body.count("\n") == 10, id="whole"),
        pytest.param({"tailLines": "2"}, lambda body: body.count("\n") == 2, id="tail"),
        pytest.param({"tailLines": "0"}, lambda body: body == "", id="tail-of-nothing"),
        pytest.param({"limitBytes": "15"}, lambda body: len(body) == 15, id="bytes"),
        pytest.param({"sinceSeconds": "60"}, lambda body: body == "", id="nothing-that-recent"),
        pytest.param({"sinceSeconds": "999999"}, lambda body: body.count("\n") == 10, id="all-that-recent"),
        pytest.param({"container": "traefik"}, lambda body: "INF Traefik version" in body, id="by-container"),
    ],
)
def test_logs(https: httpx.Client, query: dict[str, str], check: Callable[[str], bool]) -> None:
    answer = https.get(f"/api/v1/namespaces/traefik/pods/{traefik_pod(https)}/log", params=query)
    assert answer.status_code == 200
    assert check(answer.text), answer.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param({"container": "nope"}, "container nope is not valid for pod", id="unknown-container"),
        pytest.param({"previous": "true"}, "previous terminated container", id="no-previous-run"),
    ],
)
def test_logs_that_do_not_exist(https: httpx.Client, query: dict[str, str], message: str) -> None:
    answer = https.get(f"/api/v1/namespaces/traefik/pods/{traefik_pod(https)}/log", params=query)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_container_that_never_started_has_no_log(wecare: World) -> None:
    broken = apply_fault(wecare, load_fault("wecare", "image-pull-failing"))
    with running(broken, plane=NoPlane) as lab, plain(lab) as https:
        answer = https.get(f"/api/v1/namespaces/{NAMESPACE}/pods/adveshop4-ecaffc285a-e0917/log")
        assert answer.status_code == 400
        assert answer.json()["message"].endswith("is waiting to start: trying and failing to pull image")


def test_a_crashed_container_shows_its_last_words(wecare: World) -> None:
    broken = apply_fault(wecare, load_fault("wecare", "traefik-not-ready"))
    with running(broken, plane=NoPlane) as lab, plain(lab) as https:
        for query in ({}, {"previous": "true"}):
            answer = https.get(f"/api/v1/namespaces/traefik/pods/{traefik_pod(https)}/log", params=query)
            assert "field not found, node: allowCrossNamespaces" in answer.text


def test_requests_are_counted(apis: Lab, https: httpx.Client) -> None:
    before = len(apis.requests["kube"])
    https.get("/api/v1/nodes", params={"limit": 1})
    assert apis.requests["kube"][before:] == [("GET", "/api/v1/nodes", "limit=1")]
