// Keeps pods off nodes that are closed, and prefers others. addon.json says of which pods it is asked.

import settings from "mk8s:addon/settings@0.1.0";

const BEST = 100;

function names(name) {
  const setting = settings.all().find((setting) => setting.name === name);
  return setting ? JSON.parse(setting.value) : [];
}

export const scheduling = {
  filter(candidates) {
    const closed = names("closed");
    return candidates.nodes
      .filter((node) => closed.includes(node))
      .map((node) => ({ node, reason: "node(s) were closed", resolvable: false, extra: [] }));
  },

  score(candidates) {
    const preferred = names("preferred");
    return candidates.nodes.filter((node) => preferred.includes(node)).map((node) => ({ node, score: BEST, extra: [] }));
  },
};
