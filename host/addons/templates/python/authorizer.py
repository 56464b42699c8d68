"""Lets a group read everything but secrets. It has no opinion of anything else: then the next authorizer is asked."""

import json

from wit_world import exports
from wit_world.exports.authorizer import Attributes, Decision, Decision_Allow, Decision_NoOpinion, ResourceRule, RuleSet
from wit_world.imports import settings
from wit_world.imports.types import User

READING = ["get", "list", "watch"]


def group() -> str:
    return next((json.loads(setting.value) for setting in settings.all() if setting.name == "group"), "")


class Authorizer(exports.Authorizer):
    def authorize(self, user: User, attributes: Attributes) -> Decision:
        readable = attributes.verb in READING and attributes.resource not in ("", "secrets")
        if readable and group() in user.groups:
            return Decision_Allow("readers may read")
        return Decision_NoOpinion("")

    def rules(self, user: User, namespace: str) -> RuleSet:
        if group() not in user.groups:
            return RuleSet(resource_rules=[], path_rules=[], problems=[], extra=[])
        rule = ResourceRule(verbs=READING, groups=["*"], resources=["*"], names=[])
        return RuleSet(resource_rules=[rule], path_rules=[], problems=["secrets cannot be read"], extra=[])
