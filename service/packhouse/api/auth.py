"""Bearer tokens of the operator API: a token comes in, the name for the journal leaves."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_scheme = HTTPBearer(auto_error=False, description="A token of PACKHOUSE_OPERATOR__TOKENS.")


class TokenAuth:
    """Knows who may come in. As a FastAPI dependency it answers the caller's name, or 401."""

    def __init__(self, names_by_token: Mapping[str, str]) -> None:
        self._people = [(_digest(token), name) for token, name in names_by_token.items()]

    def name_of(self, token: str) -> str | None:
        """Who holds this token, or None. Takes the same time whatever is wrong about it."""
        given = _digest(token)
        found = None
        for digest, name in self._people:
            if hmac.compare_digest(digest, given):
                found = name
        return found

    def __call__(self, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> str:
        """The caller's name."""
        if not self._people:
            raise _unauthorized(
                "The operator API is closed: set PACKHOUSE_OPERATOR__TOKENS to name:token pairs."
            )
        if credentials is None:
            raise _unauthorized("Send the header Authorization: Bearer TOKEN.")
        name = self.name_of(credentials.credentials)
        if name is None:
            raise _unauthorized("This token is not known here; see PACKHOUSE_OPERATOR__TOKENS.")
        return name


def _digest(token: str) -> bytes:
    """Digests are of one length, so that comparing them tells nothing of the token's."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _unauthorized(message: str) -> HTTPException:
    return HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})
