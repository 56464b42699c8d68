"""Lets pods have images of listed registries alone. What comes by a tag that moves is pulled anew each time."""

import json
from collections.abc import Iterator
from typing import Optional

from wit_world import exports
from wit_world.exports.admission import Denial, Mutation, Request, Review
from wit_world.imports import settings

LISTS = ["initContainers", "containers", "ephemeralContainers"]
MOVING = ["", "latest"]
GOES_ON = Review(denied=None, warnings=[], extra=[])


def registries() -> list[str]:
    return next((json.loads(setting.value) for setting in settings.all() if setting.name == "registries"), [])


def containers(request: Request) -> Iterator[tuple[str, dict]]:
    """Each container of the pod, and where it is in the object."""
    spec = json.loads(request.object or b"{}").get("spec") or {}
    for name in LISTS:
        for index, container in enumerate(spec.get(name) or []):
            yield f"/spec/{name}/{index}", container


def registry(image: str) -> str:
    """An image that names no host is one of docker.io."""
    host, slash, _ = image.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    return host if is_host else "docker.io"


def tag(image: str) -> Optional[str]:
    """None where a digest says which image is meant."""
    return None if "@" in image else image.rpartition("/")[2].partition(":")[2]


class Admission(exports.Admission):
    def mutate(self, request: Request) -> Mutation:
        patch = [
            {"op": "add", "path": f"{path}/imagePullPolicy", "value": "Always"}
            for path, container in containers(request)
            if tag(container.get("image", "")) in MOVING and container.get("imagePullPolicy") != "Always"
        ]
        return Mutation(review=GOES_ON, patch=json.dumps(patch).encode() if patch else None, extra=[])

    def validate(self, request: Request) -> Review:
        images = [container.get("image", "") for _, container in containers(request)]
        allowed = registries()
        strange = sorted({image for image in images if registry(image) not in allowed})
        moving = sorted({image for image in images if tag(image) in MOVING})
        denied = None
        if strange:
            message = f"{', '.join(strange)}: images come from {', '.join(allowed)} alone"
            denied = Denial(message=message, code=403, reason="Forbidden", extra=[])
        warnings = [f"{image} may be another image tomorrow: name its digest" for image in moving]
        return Review(denied=denied, warnings=warnings, extra=[])
