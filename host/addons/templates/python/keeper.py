"""Keeps a ConfigMap. Every call may come again after a failure: what is as it should be is left as it is."""

import json
from typing import Optional

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.lifecycle import Event
from wit_world.imports import kube
from wit_world.imports.types import Error_NotFound, GroupVersionResource

NAME = "{{name}}"
CONFIG_MAPS = GroupVersionResource(group="", version="v1", resource="configmaps")
TARGET = kube.Target(resource=CONFIG_MAPS, subresource="", namespace="default", name=NAME, extra=[])
WANTED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": NAME, "namespace": "default"},
    "data": {"greeting": "hello"},
}


class Lifecycle(exports.Lifecycle):
    def notify(self, event: Event) -> None:
        pass

    def reconcile(self) -> Optional[int]:
        """Gives the seconds after which to be called again."""
        try:
            kube.get(TARGET)
        except Err as refused:
            if not isinstance(refused.value, Error_NotFound):
                raise
            kube.put(TARGET, json.dumps(WANTED).encode())
        return 60
