"""The loop over order ids that the store's documentation gives, one order after the other, in a shell.

A turn buys the label at EasyPost, which takes two calls of curl, and runs `aly-store-cli orders fulfill`
once. What it asks for a label is written before the loop begins, which favours it. `aly-store-cli` is
this repository's command under that name. The store's own is not here: it starts a runtime for each
command too, in 50 to 100 ms.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY
from tests.bench.exchanges import shipment_request
from tests.e2e.processes import call_json

PROGRAMS = ("bash", "curl", "jq")
LOOP = r"""
set -eu -o pipefail
call() { curl --silent --show-error --fail-with-body -H "authorization: Bearer $EASYPOST" \
    -H 'content-type: application/json' "$@"; }
while read -r id; do
  shipment=$(call --data "@asks/$id" "$PROVIDER/shipments" | jq -r '"\(.id) \(.rates[0].id)"')
  rate='{"rate": {"id": "'${shipment#* }'"}}'
  label=$(call --data "$rate" "$PROVIDER/shipments/${shipment% *}/buy" |
    jq -r '"\(.selected_rate.carrier) \(.tracking_code)"')
  "$CLI" orders fulfill "$id" --carrier "${label% *}" --tracking "${label#* }"
done < ids
"""


def prepare(folder: Path, sandbox_url: str, ids: Sequence[str]) -> dict[str, str]:
    """Write the loop's files into its folder; its environment."""
    store = f"{sandbox_url}/api/storefront/v1"
    (folder / "ids").write_text("".join(f"{one}\n" for one in ids))
    (folder / "asks").mkdir()
    for one in ids:
        order = call_json(f"{store}/merchant/orders/{one}", headers={"authorization": f"Bearer {STORE_KEY}"})
        (folder / "asks" / one).write_text(json.dumps({"shipment": shipment_request(order)}))
    return {
        "PACKHOUSE_STORE__URL": store,
        "ALY_API_KEY": STORE_KEY,
        "PROVIDER": f"{sandbox_url}/easypost/v2",
        "EASYPOST": EASYPOST_KEY,
        "CLI": str(Path(sys.executable).with_name("aly-store-cli")),
    }
