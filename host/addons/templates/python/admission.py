"""Keeps namespaces from being deleted. addon.json says which writes it is shown."""

import json

from wit_world import exports
from wit_world.exports.admission import Denial, Mutation, Request, Review
from wit_world.imports import settings

GOES_ON = Review(denied=None, warnings=[], extra=[])


def protected() -> list[str]:
    return next((json.loads(setting.value) for setting in settings.all() if setting.name == "protected"), [])


class Admission(exports.Admission):
    def mutate(self, request: Request) -> Mutation:
        return Mutation(review=GOES_ON, patch=None, extra=[])

    def validate(self, request: Request) -> Review:
        if request.name not in protected():
            return GOES_ON
        message = f"the namespace {request.name} is protected"
        return Review(denied=Denial(message=message, code=403, reason="Forbidden", extra=[]), warnings=[], extra=[])
