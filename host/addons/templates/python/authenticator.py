"""Knows users by the bearer tokens of a file: token,user,uid,"group,group" in each line."""

import csv
import hashlib
from typing import Optional

from wit_world import exports
from wit_world.exports.authenticator import Credentials, Identity
from wit_world.exports.files import File
from wit_world.imports import log
from wit_world.imports.types import User

# By the digest of the token, so that how long a lookup takes tells nothing about a token.
users: dict[bytes, User] = {}


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Files(exports.Files):
    def changed(self, files: list[File]) -> None:
        known = {}
        for file in files:
            # A file that is not there has no content, and is no error.
            lines = (file.content or b"").decode(errors="replace").replace("\0", "").splitlines()
            for number, line in enumerate(lines, start=1):
                fields = next(csv.reader([line]), []) if len(line) < 4096 else []
                if not fields and not line.strip():
                    continue
                if len(fields) < 3 or not fields[0] or not fields[1]:
                    log.write(log.Level.ERROR, f"{file.path}:{number}: the line is left out: token,user,uid are needed")
                    continue
                groups = [group for group in "".join(fields[3:4]).split(",") if group]
                known[digest(fields[0])] = User(name=fields[1], uid=fields[2], groups=groups, extra=[])
        users.clear()
        users.update(known)


class Authenticator(exports.Authenticator):
    def authenticate(self, credentials: Credentials) -> Optional[Identity]:
        if credentials.bearer_token is None:
            return None
        user = users.get(digest(credentials.bearer_token))
        return user and Identity(user=user, extra=[])
