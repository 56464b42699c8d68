// Routes to the pods of other nodes by way of these nodes, which are in the same network. Packets of pods leave the
// cluster with the address of their node.

function setting(cluster, name) {
  const found = cluster.settings.find((setting) => setting.name === name);
  return found ? JSON.parse(found.value) : "";
}

// A route for each network of a node's pods that it has an address of the same family for.
function routes(node, device) {
  return node.podCidrs.flatMap((network) => {
    const gateway = node.addresses.find((address) => address.includes(":") === network.includes(":"));
    return gateway ? [{ destination: network, gateway, link: device, onLink: false, extra: [] }] : [];
  });
}

export const overlay = {
  planFor(cluster) {
    const device = setting(cluster, "device");
    const here = cluster.nodes.find((node) => node.name === cluster.thisNode);
    if (!here) throw { tag: "invalid", val: "this node is not in the cluster" };
    const others = cluster.nodes.filter((node) => node.name !== cluster.thisNode);
    const leaving = {
      hook: { tag: "postrouting" },
      sources: here.podCidrs,
      destinations: [],
      notDestinations: cluster.clusterCidrs,
      protocol: "",
      ports: [],
      action: { tag: "masquerade" },
      extra: [],
    };
    const planned = others.flatMap((node) => routes(node, device));
    return { links: [], routes: planned, neighbours: [], rules: [leaving], extra: [] };
  },
};
