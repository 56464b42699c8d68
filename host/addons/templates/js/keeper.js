// Keeps a ConfigMap. Every call may come again after a failure: what is as it should be is left as it is.

import kube from "mk8s:addon/kube@0.1.0";

const NAME = "{{name}}";
const TARGET = {
  resource: { group: "", version: "v1", resource: "configmaps" },
  subresource: "",
  namespace: "default",
  name: NAME,
  extra: [],
};
const WANTED = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: NAME, namespace: "default" },
  data: { greeting: "hello" },
};

// The text as bytes; everything in it is ASCII.
function bytes(text) {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export const lifecycle = {
  notify(event) {},

  // Gives the seconds after which to be called again.
  reconcile() {
    try {
      kube.get(TARGET);
    } catch (refused) {
      if (refused.payload?.tag !== "not-found") throw refused;
      kube.put(TARGET, bytes(JSON.stringify(WANTED)));
    }
    return 60;
  },
};
