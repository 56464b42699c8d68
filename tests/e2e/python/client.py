"""The official Python client against a node: `client.py KUBECONFIG`. Each check is a function; the first that fails
ends the program with its trace."""

import datetime
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

NAMESPACE = "python"
GROUP = "python.example.com"


def refused(status, reason, call, *arguments, **options):
    """Calls what is to be refused so."""
    try:
        call(*arguments, **options)
    except ApiException as error:
        assert error.status == status, error
        assert f'"reason":"{reason}"' in error.body, error.body
    else:
        raise AssertionError(f"{call} was not refused")


def config_map(name, data=None, labels=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def objects_are_created_read_changed_and_deleted(core):
    made = core.create_namespaced_config_map(NAMESPACE, config_map("crud", {"a": "b"}))
    assert isinstance(made.metadata.creation_timestamp, datetime.datetime)
    read = core.read_namespaced_config_map("crud", NAMESPACE)
    assert read.data == {"a": "b"} and read.metadata.uid == made.metadata.uid
    refused(409, "AlreadyExists", core.create_namespaced_config_map, NAMESPACE, config_map("crud"))

    read.data["c"] = "d"
    replaced = core.replace_namespaced_config_map("crud", NAMESPACE, read)
    assert replaced.data == {"a": "b", "c": "d"}
    refused(409, "Conflict", core.replace_namespaced_config_map, "crud", NAMESPACE, read)

    status = core.delete_namespaced_config_map("crud", NAMESPACE)
    assert status["status"] == "Success"
    refused(404, "NotFound", core.read_namespaced_config_map, "crud", NAMESPACE)


def patches_are_of_the_type_that_is_asked_for(core):
    core.create_namespaced_config_map(NAMESPACE, config_map("patched", {"a": "b"}))
    by_list = core.patch_namespaced_config_map(
        "patched", NAMESPACE, [{"op": "add", "path": "/data/c", "value": "d"}], _content_type="application/json-patch+json"
    )
    assert by_list.data == {"a": "b", "c": "d"}
    merged = core.patch_namespaced_config_map(
        "patched", NAMESPACE, {"data": {"a": None}}, _content_type="application/merge-patch+json"
    )
    assert merged.data == {"c": "d"}
    strategic = core.patch_namespaced_config_map("patched", NAMESPACE, {"metadata": {"labels": {"x": "y"}}})
    assert strategic.metadata.labels == {"x": "y"}


def lists_come_in_pages_and_by_selectors(core):
    for number in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}", labels={"page": str(number % 2)}))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, limit=3, _continue=token, label_selector="page")
        assert len(page.items) <= 3
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"page-{number}" for number in range(7)], names
    chosen = core.list_namespaced_config_map(NAMESPACE, label_selector="page in (1)", field_selector="metadata.name!=page-1")
    assert [item.metadata.name for item in chosen.items] == ["page-3", "page-5"]


def a_watch_tells_what_happens(core):
    version = core.list_namespaced_secret(NAMESPACE).metadata.resource_version
    core.create_namespaced_secret(NAMESPACE, client.V1Secret(metadata={"name": "seen"}, string_data={"k": "v"}))
    core.patch_namespaced_secret("seen", NAMESPACE, {"metadata": {"labels": {"x": "y"}}})
    core.delete_namespaced_secret("seen", NAMESPACE)
    seen, watching = [], watch.Watch()
    for event in watching.stream(core.list_namespaced_secret, NAMESPACE, resource_version=version, timeout_seconds=30):
        seen.append((event["type"], event["object"].metadata.name, event["object"].data))
        if event["type"] == "DELETED":
            watching.stop()
    assert seen == [(kind, "seen", {"k": "dg=="}) for kind in ("ADDED", "MODIFIED", "DELETED")], seen


def structures_that_are_empty_are_there(core):
    service = client.V1Service(metadata={"name": "empty"}, spec=client.V1ServiceSpec(ports=[client.V1ServicePort(port=80)]))
    made = core.create_namespaced_service(NAMESPACE, service)
    assert made.spec.cluster_ip and made.status.load_balancer.ingress is None


def applied_fields_are_owned(dynamic_client):
    config_maps = dynamic_client.resources.get(api_version="v1", kind="ConfigMap")
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "b"}}
    made = config_maps.server_side_apply(applied, namespace=NAMESPACE, field_manager="one")
    assert made.metadata.managedFields[0].manager == "one"
    applied["data"]["a"] = "c"
    try:
        config_maps.server_side_apply(applied, namespace=NAMESPACE, field_manager="two")
    except dynamic.exceptions.ConflictError as error:
        assert 'conflict with \\"one\\": .data.a' in str(error.body), error.body
    else:
        raise AssertionError("there was no conflict")
    forced = config_maps.server_side_apply(applied, namespace=NAMESPACE, field_manager="two", force_conflicts=True)
    assert forced.data.a == "c"


def kinds_of_ones_own_are_served(extensions, custom):
    string = client.V1JSONSchemaProps(type="string")
    schema = client.V1JSONSchemaProps(
        type="object",
        properties={"spec": client.V1JSONSchemaProps(type="object", properties={"color": string}, required=["color"])},
    )
    version = client.V1CustomResourceDefinitionVersion(
        name="v1",
        served=True,
        storage=True,
        schema=client.V1CustomResourceValidation(open_apiv3_schema=schema),
        subresources=client.V1CustomResourceSubresources(status={}),
    )
    names = client.V1CustomResourceDefinitionNames(plural="balls", singular="ball", kind="Ball")
    definition = client.V1CustomResourceDefinition(
        metadata={"name": f"balls.{GROUP}"},
        spec=client.V1CustomResourceDefinitionSpec(group=GROUP, names=names, scope="Namespaced", versions=[version]),
    )
    extensions.create_custom_resource_definition(definition)
    established = watch.Watch()
    only = f"metadata.name=balls.{GROUP}"
    for event in established.stream(extensions.list_custom_resource_definition, field_selector=only, timeout_seconds=30):
        conditions = event["object"].status.conditions or []
        if any(condition.type == "Established" and condition.status == "True" for condition in conditions):
            established.stop()

    where = (GROUP, "v1", NAMESPACE, "balls")
    ball = {"apiVersion": f"{GROUP}/v1", "kind": "Ball", "metadata": {"name": "a"}, "spec": {"color": "red"}}
    made = custom.create_namespaced_custom_object(*where, ball)
    assert made["metadata"]["generation"] == 1
    bad = {**ball, "metadata": {"name": "b"}, "spec": {}}
    refused(422, "Invalid", custom.create_namespaced_custom_object, *where, bad)
    changed = custom.patch_namespaced_custom_object(*where, "a", {"spec": {"color": "blue"}})
    assert changed["spec"] == {"color": "blue"} and changed["metadata"]["generation"] == 2
    assert len(custom.list_namespaced_custom_object(*where)["items"]) == 1
    custom.delete_namespaced_custom_object(*where, "a")
    extensions.delete_custom_resource_definition(f"balls.{GROUP}")


def events_and_leases_keep_their_times(core, events, coordination):
    now = datetime.datetime.now(datetime.timezone.utc)
    told = client.EventsV1Event(
        metadata={"name": "told", "namespace": NAMESPACE},
        event_time=now,
        action="Tried",
        reason="Trying",
        type="Normal",
        note="once",
        reporting_controller="example.com/python",
        reporting_instance="one",
        regarding=client.V1ObjectReference(kind="ConfigMap", name="applied", namespace=NAMESPACE, api_version="v1"),
    )
    events.create_namespaced_event(NAMESPACE, told)
    read = core.list_namespaced_event(NAMESPACE, field_selector="reason=Trying,involvedObject.kind=ConfigMap").items
    assert [event.message for event in read] == ["once"]
    assert read[0].event_time == now, read[0].event_time

    lease = client.V1Lease(
        metadata={"name": "lead"},
        spec=client.V1LeaseSpec(holder_identity="one", lease_duration_seconds=15, acquire_time=now, renew_time=now),
    )
    made = coordination.create_namespaced_lease(NAMESPACE, lease)
    stale = coordination.read_namespaced_lease("lead", NAMESPACE)
    made.spec.holder_identity = "two"
    taken = coordination.replace_namespaced_lease("lead", NAMESPACE, made)
    assert taken.spec.holder_identity == "two" and taken.spec.renew_time == now
    refused(409, "Conflict", coordination.replace_namespaced_lease, "lead", NAMESPACE, stale)


def a_deployment_is_scaled(apps):
    labels = {"app": "scaled"}
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[client.V1Container(name="a", image="a:1")])
    )
    spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
    apps.create_namespaced_deployment(NAMESPACE, client.V1Deployment(metadata={"name": "scaled"}, spec=spec))
    apps.patch_namespaced_deployment_scale("scaled", NAMESPACE, {"spec": {"replicas": 2}})
    assert apps.read_namespaced_deployment_scale("scaled", NAMESPACE).spec.replicas == 2
    apps.delete_namespaced_deployment("scaled", NAMESPACE)


def main():
    config.load_kube_config(sys.argv[1])
    core = client.CoreV1Api()
    assert client.VersionApi().get_code().major == "1"
    core.create_namespace(client.V1Namespace(metadata={"name": NAMESPACE}))
    objects_are_created_read_changed_and_deleted(core)
    patches_are_of_the_type_that_is_asked_for(core)
    lists_come_in_pages_and_by_selectors(core)
    a_watch_tells_what_happens(core)
    structures_that_are_empty_are_there(core)
    applied_fields_are_owned(dynamic.DynamicClient(client.ApiClient()))
    kinds_of_ones_own_are_served(client.ApiextensionsV1Api(), client.CustomObjectsApi())
    events_and_leases_keep_their_times(core, client.EventsV1Api(), client.CoordinationV1Api())
    a_deployment_is_scaled(client.AppsV1Api())
    print("every check passed")


main()
