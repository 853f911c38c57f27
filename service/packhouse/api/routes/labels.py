"""Labels: the label of an order for a shipping system, and label files."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason
from packhouse.api.routes.parameters import Id
from packhouse.api.schemas import LabelOfferBody
from packhouse.model.label import LabelFormat
from packhouse.operations import Operations

MEDIA_TYPES = {
    LabelFormat.PDF: "application/pdf",
    LabelFormat.PNG: "image/png",
    LabelFormat.ZPL: "application/zpl",
    LabelFormat.EPL: "application/vnd.eltron-epl",
    LabelFormat.RAW: "application/octet-stream",
}
_FILES = {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES.values()}
_FILE_RESPONSES = {200: {"content": _FILES, "description": "The label's file."}, **errors.NOT_FOUND}

Sha256 = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as a label's `document` has it.")
]


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of labels."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/orders/{order_id}/label", tags=["labels"], responses=errors.NOT_FOUND)
    async def get_order_label(order_id: Id) -> LabelOfferBody:
        """Get the label of an order, or the reason why there is none."""
        return LabelOfferBody.of(await operations.queries.label_offer(order_id))

    @routes.post("/orders/{order_id}/label", tags=["labels"], responses=errors.REFUSED)
    async def request_label(order_id: Id, body: Reason, actor: Actor) -> LabelOfferBody:
        """Buy the label of an order, if it may ship, and leave posting it to the caller.

        A repeated request returns the same label.
        """
        return LabelOfferBody.of(
            await operations.orders.request_label(order_id, reason=body.reason, actor=actor)
        )

    @routes.get("/labels/{sha256}", tags=["labels"], response_class=Response, responses=_FILE_RESPONSES)
    async def get_label(sha256: Sha256) -> Response:
        """Get the file of a label, as the provider sent it or as the PNG that it was converted to."""
        document = await operations.queries.label_document(sha256)
        headers = {
            "content-disposition": f'inline; filename="{sha256[:16]}.{document.format}"',
            "cache-control": "private, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
        }
        return Response(document.content, media_type=MEDIA_TYPES[document.format], headers=headers)
