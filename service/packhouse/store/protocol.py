"""The store's protocol without I/O: the requests, and how to read the responses. Clients do the I/O.

One import for clients and tests; each part has its own module. It loads only the standard library, so that
the command line starts fast.
"""

from packhouse.store.address import address_from_json
from packhouse.store.orders import order_from_json, read_order, read_order_page
from packhouse.store.paging import Pages, read_pages, read_pages_async
from packhouse.store.products import MerchantSearch, product_from_json, read_product, read_products
from packhouse.store.requests import (
    LARGEST_BATCH,
    OrdersQuery,
    StoreRequest,
    fulfill,
    fulfill_body,
    get_order,
    get_product,
    list_orders,
    products,
    refund,
    refund_body,
)
from packhouse.store.responses import LARGEST_RESPONSE, StoreResponse, check_response, retry_after_s
from packhouse.store.returns import (
    approve_return,
    create_exchange,
    create_return,
    exchange_body,
    exchanges_of,
    read_exchange,
    read_return,
    receive_return,
    reject_return,
    return_body,
    returns_of,
)
from packhouse.store.webhooks import (
    ROTATIONS,
    create_webhook,
    delete_webhook,
    list_deliveries,
    list_webhooks,
    read_deliveries,
    read_secret,
    read_webhook,
    read_webhooks,
    replay_delivery,
    rotate_webhook,
    webhook_body,
)

__all__ = [
    "LARGEST_BATCH",
    "LARGEST_RESPONSE",
    "ROTATIONS",
    "MerchantSearch",
    "OrdersQuery",
    "Pages",
    "StoreRequest",
    "StoreResponse",
    "address_from_json",
    "approve_return",
    "check_response",
    "create_exchange",
    "create_return",
    "create_webhook",
    "delete_webhook",
    "exchange_body",
    "exchanges_of",
    "fulfill",
    "fulfill_body",
    "get_order",
    "get_product",
    "list_deliveries",
    "list_orders",
    "list_webhooks",
    "order_from_json",
    "product_from_json",
    "products",
    "read_deliveries",
    "read_exchange",
    "read_order",
    "read_order_page",
    "read_pages",
    "read_pages_async",
    "read_product",
    "read_products",
    "read_return",
    "read_secret",
    "read_webhook",
    "read_webhooks",
    "receive_return",
    "refund",
    "refund_body",
    "reject_return",
    "replay_delivery",
    "retry_after_s",
    "return_body",
    "returns_of",
    "rotate_webhook",
    "webhook_body",
]
