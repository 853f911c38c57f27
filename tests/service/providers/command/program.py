"""A shipping system of the user: a shell script that keeps labels in a folder and fails on request."""

from __future__ import annotations

import shlex
from pathlib import Path

SCRIPT = r"""#!/bin/sh
# program VERB REFERENCE ; labels and faults are files next to it
here=$(dirname "$0"); verb=$1; key=$(printf %s "$2" | tr -c 'A-Za-z0-9\n' _)
cat > "$here/stdin.$verb"
fault=; [ -f "$here/fault" ] && { fault=$(cat "$here/fault"); rm "$here/fault"; }
case $fault in
  later) echo "the label host is closed" >&2; exit 75;;
  refuse) echo "warning: none" >&2; echo "address is not served" >&2; exit 3;;
esac
if [ "$verb" = make ]; then
  echo "$key" >> "$here/sales"
  echo "SELF$(printf %s "$key" | cksum | cut -d' ' -f1)" > "$here/label.$key"
fi
case $fault in
  die) kill -9 $$;;
  hang) exec sleep 30;;
  garbage) echo "Label printed!"; exit 0;;
esac
case $verb in
  make|lookup)
    [ -f "$here/label.$key" ] || { echo '{"found": false}'; exit 0; }
    printf '{"tracking": "%s", "carrier": "Own Vans", "cost": {"amount": "4.20", "currency": "EUR"}, ' \
      "$(cat "$here/label.$key")"
    printf '"label_path": "%s/label.zpl"}\n' "$here";;
  void) rm -f "$here/label.$key";;
  track) echo '{"status": "in_transit"}';;
esac
"""


class Program:
    """The script in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "my-shipping-system"
        self.path.write_text(SCRIPT)
        self.path.chmod(0o755)
        (folder / "label.zpl").write_bytes(b"^XA^FDown label^FS^XZ")

    def argv(self, verb: str) -> list[str]:
        return [str(self.path), verb, "{reference}"]

    def line(self, verb: str) -> str:
        return shlex.join(self.argv(verb)[:2]) + " '{reference}'"

    def fail_next(self, how: str) -> None:
        (self.folder / "fault").write_text(how)

    def sold(self) -> int:
        sales = self.folder / "sales"
        return len(sales.read_text().splitlines()) if sales.exists() else 0
