"""Answers the names of hosts that the operator lists, and says of others to ask elsewhere (RFC 1035)."""

import ipaddress
import json
import struct
from typing import Optional

from wit_world import exports
from wit_world.exports.dns import Client, Response, Response_Drop, Response_Forward, Response_Reply
from wit_world.imports import log, settings

HEAD = 12
LONGEST_LABEL = 63
A = 1
SECONDS = 60


def hosts() -> dict[str, bytes]:
    listed = next((json.loads(setting.value) for setting in settings.all() if setting.name == "hosts"), [])
    known = {}
    for host in listed:
        name, _, address = host.partition("=")
        try:
            known[name.lower()] = ipaddress.IPv4Address(address).packed
        except ValueError:
            log.write(log.Level.ERROR, f"{host!r} is left out: NAME=ADDRESS is needed")
    return known


def question(query: bytes) -> Optional[tuple[str, int, int]]:
    """The name, the type, and where the one question ends; none where it cannot be read."""
    # Neither a reply nor another operation, and one question.
    if len(query) < HEAD or query[2] & 0xF8 or query[4:6] != b"\0\1":
        return None
    labels, at = [], HEAD
    while at < len(query) and query[at]:
        length = query[at]
        if length > LONGEST_LABEL:
            return None
        labels.append(query[at + 1 : at + 1 + length].decode(errors="replace").lower())
        at += 1 + length
    if at + 5 > len(query):
        return None
    return ".".join(labels), int.from_bytes(query[at + 1 : at + 3], "big"), at + 5


class Dns(exports.Dns):
    def answer(self, query: bytes, client: Client) -> Response:
        asked = question(query)
        if asked is None:
            return Response_Drop()
        name, of, end = asked
        address = hosts().get(name)
        if address is None:
            return Response_Forward([])
        found = of == A
        reply = query[:2] + bytes([0x84 | query[2] & 1, 0, 0, 1, 0, int(found), 0, 0, 0, 0]) + query[HEAD:end]
        if found:
            # The name is where the question has it.
            reply += b"\xc0\x0c" + struct.pack(">HHIH", A, 1, SECONDS, len(address)) + address
        return Response_Reply(reply)
