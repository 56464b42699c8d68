"""Keeps pods off nodes that are closed, and prefers others. addon.json says of which pods it is asked."""

import json

from wit_world import exports
from wit_world.exports.scheduling import Candidates, Rating, Refusal
from wit_world.imports import settings

BEST = 100


def names(name: str) -> list[str]:
    return next((json.loads(setting.value) for setting in settings.all() if setting.name == name), [])


class Scheduling(exports.Scheduling):
    def filter(self, candidates: Candidates) -> list[Refusal]:
        closed = names("closed")
        return [
            Refusal(node=node, reason="node(s) were closed", resolvable=False, extra=[])
            for node in candidates.nodes
            if node in closed
        ]

    def score(self, candidates: Candidates) -> list[Rating]:
        preferred = names("preferred")
        return [Rating(node=node, score=BEST, extra=[]) for node in candidates.nodes if node in preferred]
