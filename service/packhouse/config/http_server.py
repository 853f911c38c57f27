"""The section [http]: where the server listens, and what a client may take of it."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from packhouse.config.sections import Section, _listed


class HttpSettings(Section):
    """HTTP server, and the limits that every connection must keep."""

    host: str = Field(default="127.0.0.1", description="Address to listen on. Use 0.0.0.0 in a container.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on. 0: any free port.")
    docs: bool = Field(
        default=False,
        description="Serve interactive API documentation at /docs. It loads scripts from the web.",
    )
    max_connections: int = Field(
        default=8000,
        ge=16,
        le=60_000,
        description="Maximum number of open connections; fewer if the process may open fewer files. At the "
        "limit, the connection that has kept the server waiting longest is closed for a new one.",
    )
    max_connections_per_address: int = Field(
        default=4000,
        ge=4,
        le=60_000,
        description="Maximum number of open connections of one address (of IPv6: one /64 network), at most "
        "half of all. Addresses in trusted_proxies are exempt.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Addresses or networks of your proxies, such as 10.0.0.5 or 10.0.0.0/24. The client's "
        "address is read from their X-Forwarded-For header.",
    )
    max_header_bytes: int = Field(
        default=32_768,
        ge=4096,
        le=1 << 20,
        description="Maximum size of a request's first line and headers, in bytes.",
    )
    header_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="Maximum time until a request's headers are complete, in seconds.",
    )
    body_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="Maximum time until a request's body is complete, in seconds.",
    )
    min_body_bytes_per_s: int = Field(
        default=100,
        ge=0,
        le=1 << 20,
        description="Minimum speed of a body after its first 3 seconds, in bytes per second. 0: no minimum.",
    )
    idle_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="Seconds for which a connection is kept open for the next request.",
    )
    response_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Maximum time that a client may take to read a response, in seconds.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise ValueError(
                    f"{text!r} is no address or network; write one such as 10.0.0.5 or 10.0.0.0/24"
                ) from None
        return value
