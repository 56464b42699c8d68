// Lets a group read everything but secrets. It has no opinion of anything else: then the next authorizer is asked.

import settings from "mk8s:addon/settings@0.1.0";

const READING = ["get", "list", "watch"];

function group() {
  const setting = settings.all().find((setting) => setting.name === "group");
  return setting ? JSON.parse(setting.value) : "";
}

export const authorizer = {
  authorize(user, attributes) {
    const readable = READING.includes(attributes.verb) && !["", "secrets"].includes(attributes.resource);
    if (readable && user.groups.includes(group())) return { tag: "allow", val: "readers may read" };
    return { tag: "no-opinion", val: "" };
  },

  rules(user, namespace) {
    if (!user.groups.includes(group())) return { resourceRules: [], pathRules: [], problems: [], extra: [] };
    const rule = { verbs: READING, groups: ["*"], resources: ["*"], names: [] };
    return { resourceRules: [rule], pathRules: [], problems: ["secrets cannot be read"], extra: [] };
  },
};
