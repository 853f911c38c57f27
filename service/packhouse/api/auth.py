"""Bearer tokens of the operator API: maps a token to the name that the journal records."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from packhouse.api.addresses import AddressGroups
from packhouse.api.asgi import Scope, mark_proven
from packhouse.api.token_failures import TokenFailures
from packhouse.clock import SystemClock

_scheme = HTTPBearer(auto_error=False, description="A token of PACKHOUSE_OPERATOR__TOKENS.")
_BEARER = b"bearer "
_KEPT = "operator"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Who sends a request: a name, or None and perhaps the seconds after which to try again."""

    name: str | None = None
    retry_s: int = 0


class TokenAuth:
    """Authenticates operators. As a FastAPI dependency it returns the caller's name, or answers 401 or 429.

    `on_failure` is called with "unknown" or "slowed" and the client's address.
    """

    def __init__(
        self,
        names_by_token: Mapping[str, str],
        failures: TokenFailures | None = None,
        groups: AddressGroups | None = None,
        on_failure: Callable[[str, str], None] = lambda outcome, client: None,
    ) -> None:
        self._names = [(_digest(token), name) for token, name in names_by_token.items()]
        self._failures = failures or TokenFailures(SystemClock())
        self._groups = groups or AddressGroups()
        self._on_failure = on_failure

    def name_of(self, token: str) -> str | None:
        """The name that belongs to this token, or None. Takes the same time for every token."""
        return self._name_of(_digest(token))

    async def is_known(self, scope: Scope) -> bool:
        """Whether the request has a known token, before anything else of it is read.

        The verdict is kept for the route: each request counts once, and nothing shows sooner whether a
        guess was right.
        """
        for name, value in scope["headers"]:
            if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
                token = value[len(_BEARER) :].decode("latin-1").strip()
                return (await self._verdict(scope, token)).name is not None
        return False

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> str:
        """The caller's name."""
        if not self._names:
            raise _unauthorized(
                "The operator API is closed: no token is configured. "
                "Set PACKHOUSE_OPERATOR__TOKENS to name:token pairs."
            )
        if credentials is None:
            raise _unauthorized("The token is missing. Send the header Authorization: Bearer TOKEN.")
        verdict = await self._verdict(request.scope, credentials.credentials)
        if verdict.retry_s:
            raise HTTPException(
                429,
                "Too many requests with unknown tokens came from this address. "
                f"Try again in {verdict.retry_s} s.",
                headers={"Retry-After": str(verdict.retry_s)},
            )
        if verdict.name is None:
            raise _unauthorized("The token is unknown. Use a token of PACKHOUSE_OPERATOR__TOKENS.")
        return verdict.name

    async def _verdict(self, scope: Scope, token: str) -> _Verdict:
        state = scope.setdefault("state", {})
        if not isinstance(state.get(_KEPT), _Verdict):
            state[_KEPT] = await self._check(scope, _digest(token))
        verdict: _Verdict = state[_KEPT]
        return verdict

    async def _check(self, scope: Scope, digest: bytes) -> _Verdict:
        if not self._names:
            return _Verdict()
        client = self._groups.client(scope)
        retry_s = await self._failures.wait_for_turn(client, digest)
        name = None if retry_s else self._name_of(digest)
        if name is not None:
            self._failures.succeeded(client, digest)
            mark_proven(scope)
            return _Verdict(name)
        retry_s = retry_s or self._failures.failed(client)
        self._on_failure("slowed" if retry_s else "unknown", client)
        return _Verdict(retry_s=retry_s)

    def _name_of(self, given: bytes) -> str | None:
        found = None
        for digest, name in self._names:
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _digest(token: str) -> bytes:
    """Digests have one length, so comparing them does not reveal the length of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _unauthorized(message: str) -> HTTPException:
    return HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})
