// Sets how many pods this node may run: a pure function from the configuration to edits of it.

export const config = {
  edits(input) {
    const setting = input.settings.find((setting) => setting.name === "max-pods");
    if (!setting) return [];
    const value = String(JSON.parse(setting.value));
    return [{ service: "kubelet", flag: "max-pods", operation: { tag: "set", val: value }, extra: [] }];
  },
};
