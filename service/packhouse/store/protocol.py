"""The store's protocol without I/O: what to send, and how to read what comes back. The doors send and read.

Here it is all in one place for whoever writes a door or a test; each part has its own module. Only the
standard library is loaded, so that the command line starts fast.
"""

from packhouse.store.address import address_from_json
from packhouse.store.answers import LARGEST_ANSWER, StoreAnswer, check_answer, retry_after_s
from packhouse.store.orders import order_from_json, read_order, read_order_page
from packhouse.store.paging import Pages
from packhouse.store.products import product_from_json, read_product, read_products
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

__all__ = [
    "LARGEST_ANSWER",
    "LARGEST_BATCH",
    "OrdersQuery",
    "Pages",
    "StoreAnswer",
    "StoreRequest",
    "address_from_json",
    "check_answer",
    "fulfill",
    "fulfill_body",
    "get_order",
    "get_product",
    "list_orders",
    "order_from_json",
    "product_from_json",
    "products",
    "read_order",
    "read_order_page",
    "read_product",
    "read_products",
    "refund",
    "refund_body",
    "retry_after_s",
]
