"""Sets how many pods this node may run: a pure function from the configuration to edits of it."""

import json

from wit_world import exports
from wit_world.exports.config import Edit, Input, Operation_Set


class Config(exports.Config):
    def edits(self, input: Input) -> list[Edit]:
        settings = {setting.name: json.loads(setting.value) for setting in input.settings}
        if "max-pods" not in settings:
            return []
        operation = Operation_Set(str(settings["max-pods"]))
        return [Edit(service="kubelet", flag="max-pods", operation=operation, extra=[])]
