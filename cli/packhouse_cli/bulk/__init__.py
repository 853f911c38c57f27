"""Bulk changes of orders: rows become a plan, a person checks it, and `packhouse apply` applies it once.

    selection.py  rows of a file or a filter         apply.py             applies a plan with several threads
    rows.py       parses a file into rows            executor.py          one item: check, send, verify
    planner.py    turns rows into a plan             results.py           the result of each item, on disk
    plan.py       the plan and its file              throttled_client.py  rate-limited calls to the store
    action.py     the interface of a kind of change  threads.py           runs work in several threads

The kinds of change are fulfillments.py, refunds.py and returns.py; actions.py lists them.
"""
