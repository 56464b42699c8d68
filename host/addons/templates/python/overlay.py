"""Routes to the pods of other nodes by way of these nodes, which are in the same network. Packets of pods leave the
cluster with the address of their node."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.overlay import Action_Masquerade, Cluster, FilterRule, Hook_Postrouting, Node, Plan, Route
from wit_world.imports.types import Error_Invalid


def routes(node: Node, device: str) -> list[Route]:
    """A route for each network of a node's pods that it has an address of the same family for."""
    found = []
    for network in node.pod_cidrs:
        gateway = next((address for address in node.addresses if (":" in address) == (":" in network)), None)
        if gateway is not None:
            found.append(Route(destination=network, gateway=gateway, link=device, on_link=False, extra=[]))
    return found


class Overlay(exports.Overlay):
    def plan_for(self, cluster: Cluster) -> Plan:
        device = next((json.loads(setting.value) for setting in cluster.settings if setting.name == "device"), "")
        this = next((node for node in cluster.nodes if node.name == cluster.this_node), None)
        if this is None:
            raise Err(Error_Invalid("this node is not in the cluster"))
        others = [node for node in cluster.nodes if node.name != cluster.this_node]
        leaving = FilterRule(
            hook=Hook_Postrouting(),
            sources=this.pod_cidrs,
            destinations=[],
            not_destinations=cluster.cluster_cidrs,
            protocol="",
            ports=[],
            action=Action_Masquerade(),
            extra=[],
        )
        planned = [route for node in others for route in routes(node, device)]
        return Plan(links=[], routes=planned, neighbours=[], rules=[leaving], extra=[])
