"""Makes docs/demo.svg, the README's picture: runs the demo in a real terminal (tmux) and draws its screen.

`python docs/picture.py [SECONDS]` captures the screen after SECONDS, by default 7. Run it when the demo's
output changes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
COLUMNS, LINES = 104, 28
CELL_W, CELL_H, SIZE, EDGE = 8.0, 18, 13.3, 16

_CODE = re.compile(r"\x1b\[([0-9;]*)m")
_COLOURS = {
    "30": "#484f58",
    "31": "#ff7b72",
    "32": "#3fb950",
    "33": "#d29922",
    "34": "#58a6ff",
    "35": "#bc8cff",
    "36": "#39c5cf",
    "37": "#b1bac4",
}
_PLAIN, _DIM, _GROUND = "#e6edf3", "#8b949e", "#0d1117"


def screen(seconds: float) -> str:
    """The demo's screen after this many seconds, with its colour codes."""
    socket, session = "packhouse-picture", "demo"
    tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
    demo = f"{Path(sys.executable).with_name('packhouse')} demo --seed 3; sleep 60"
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    subprocess.run([*tmux, "new-session", "-d", "-s", session, *size, "-c", str(ROOT), demo], check=True)
    try:
        time.sleep(seconds)
        shown = subprocess.run(
            [*tmux, "capture-pane", "-p", "-e"], check=True, capture_output=True, text=True
        )
        subprocess.run([*tmux, "send-keys", "C-c"], check=True)
        time.sleep(3)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    return shown.stdout.rstrip()


def runs(line: str) -> list[tuple[str, str, bool]]:
    """A line as pieces of (text, colour, bold)."""
    pieces, colour, dim, bold = [], _PLAIN, False, False
    for number, part in enumerate(_CODE.split(line)):
        if number % 2 == 0:
            if part:
                pieces.append((part, _DIM if dim and colour == _PLAIN else colour, bold))
            continue
        for code in part.split(";"):
            if code in ("", "0"):
                colour, dim, bold = _PLAIN, False, False
            elif code == "1":
                bold = True
            elif code == "2":
                dim = True
            elif code == "22":
                dim = bold = False
            elif code == "39":
                colour = _PLAIN
            else:
                colour = _COLOURS.get(code, colour)
    return pieces


def svg(text: str) -> str:
    """The screen as an SVG that uses the reader's own monospaced font."""
    lines = text.splitlines()
    width = int(COLUMNS * CELL_W + 2 * EDGE)
    height = len(lines) * CELL_H + 2 * EDGE
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}"'
        f' font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="{SIZE}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{_GROUND}"/>',
    ]
    for row, line in enumerate(lines):
        column = 0
        for part, colour, bold in runs(line):
            if part.strip():
                lead = len(part) - len(part.lstrip())
                shown = part.strip()
                x, y = EDGE + (column + lead) * CELL_W, EDGE + row * CELL_H + 13
                weight = ' font-weight="bold"' if bold else ""
                drawn.append(
                    f'<text x="{x:g}" y="{y}" fill="{colour}"{weight} textLength="{len(shown) * CELL_W:g}"'
                    f' lengthAdjust="spacingAndGlyphs" xml:space="preserve">{escape(shown)}</text>'
                )
            column += len(part)
    return "\n".join([*drawn, "</svg>", ""])


def main() -> int:
    """Capture the screen and write the picture."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 7.0
    (ROOT / "docs/demo.svg").write_text(svg(screen(seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
