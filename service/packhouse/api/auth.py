"""Bearer tokens of the operator API: maps a token to the name that the journal records."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_scheme = HTTPBearer(auto_error=False, description="A token of PACKHOUSE_OPERATOR__TOKENS.")


class TokenAuth:
    """Authenticates operators. As a FastAPI dependency it returns the caller's name, or answers 401."""

    def __init__(self, names_by_token: Mapping[str, str]) -> None:
        self._names = [(_digest(token), name) for token, name in names_by_token.items()]

    def name_of(self, token: str) -> str | None:
        """The name that belongs to this token, or None. Takes the same time for every token."""
        given = _digest(token)
        found = None
        for digest, name in self._names:
            if hmac.compare_digest(digest, given):
                found = name
        return found

    def __call__(self, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> str:
        """The caller's name."""
        if not self._names:
            raise _unauthorized(
                "The operator API is closed: no token is configured. "
                "Set PACKHOUSE_OPERATOR__TOKENS to name:token pairs."
            )
        if credentials is None:
            raise _unauthorized("The token is missing. Send the header Authorization: Bearer TOKEN.")
        name = self.name_of(credentials.credentials)
        if name is None:
            raise _unauthorized("The token is unknown. Use a token of PACKHOUSE_OPERATOR__TOKENS.")
        return name


def _digest(token: str) -> bytes:
    """Digests have one length, so comparing them does not reveal the length of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _unauthorized(message: str) -> HTTPException:
    return HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})
