// Keeps namespaces from being deleted. addon.json says which writes it is shown.

import settings from "mk8s:addon/settings@0.1.0";

const GOES_ON = { denied: null, warnings: [], extra: [] };

function protectedNames() {
  const setting = settings.all().find((setting) => setting.name === "protected");
  return setting ? JSON.parse(setting.value) : [];
}

export const admission = {
  mutate(request) {
    return { review: GOES_ON, patch: null, extra: [] };
  },

  validate(request) {
    if (!protectedNames().includes(request.name)) return GOES_ON;
    const message = `the namespace ${request.name} is protected`;
    return { denied: { message, code: 403, reason: "Forbidden", extra: [] }, warnings: [], extra: [] };
  },
};
