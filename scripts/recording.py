"""Records a command in a pseudo-terminal, and writes what it showed: as an animated SVG, or as text.

    python3 scripts/recording.py --svg FILE COMMAND…
    python3 scripts/recording.py --text COMMAND…

The picture needs nothing but itself: no script, no font, no other file. It follows the reader's light or dark mode,
and stands still for those who want no motion.
"""

import fcntl
import os
import pty
import re
import shutil
import struct
import sys
import tempfile
import termios
import time
from html import escape

COLUMNS = 96
ROWS = 28
# The visible area, in pixels.
LINE = 19
LEFT = 16
TOP = 44
WIDTH = 2 * LEFT + round(COLUMNS * 8.43)
HEIGHT = TOP + ROWS * LINE + 12
# Pauses longer than this are cut, and the end is held before it begins again.
LONGEST_PAUSE = 0.7
HOLD = 6.0

# Settings of the reader's own machine, which must not show.
PRIVATE = re.compile(r"^(NAVI_(?!PG_BIN$).*|AEP_.*|DATABASE_URL|.*_API_KEY|.*_BASE_URL|PG.*|NO_COLOR|RUST_LOG)$")
# Folders whose names are made up each time.
FOLDERS = re.compile(r"/tmp/navi-demo-\w+")

ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07")


def record(command):
    """The pieces that a command writes on a terminal, each with the time since the one before."""
    folder = tempfile.mkdtemp(prefix="navi-recording-")
    child, terminal = pty.fork()
    if child == 0:
        for name in [name for name in os.environ if PRIVATE.match(name)]:
            del os.environ[name]
        os.environ.update(TERM="xterm-256color", NAVI_DATA_DIR=folder, LC_ALL="C.UTF-8")
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        # Logs are no part of the view.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execvp(command[0], command)
    pieces, last = [], time.monotonic()
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        now = time.monotonic()
        pieces.append((now - last, piece))
        last = now
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.stderr.write(b"".join(piece for _, piece in pieces).decode(errors="replace"))
        sys.exit(f"{command}: exit {code}")
    return pieces


class Screen:
    """The lines of a terminal that never forgets: cells of a character and its style."""

    def __init__(self):
        self.lines = [[]]
        self.born = [0.0]
        self.row = self.column = 0
        self.style = ()

    def feed(self, text, at):
        place = 0
        while place < len(text):
            found = ESCAPE.match(text, place)
            if found:
                self.control(found[1] or "", found[2] or "")
                place = found.end()
                continue
            self.put(text[place], at)
            place += 1

    def control(self, arguments, name):
        numbers = [int(number) for number in arguments.split(";") if number.isdigit()]
        count = numbers[0] if numbers else 1
        if name == "m":
            for number in numbers or [0]:
                if number == 0:
                    self.style = ()
                elif number == 22:
                    self.style = tuple(one for one in self.style if one not in ("b", "d"))
                elif number in (1, 2):
                    self.style += ("b" if number == 1 else "d",)
                elif 30 <= number <= 39 or 90 <= number <= 97:
                    self.style = tuple(one for one in self.style if one in ("b", "d"))
                    if number != 39:
                        self.style += (f"c{number % 10}",)
        elif name == "K":
            line = self.lines[self.row]
            mode = numbers[0] if numbers else 0
            if mode == 0:
                del line[self.column :]
            elif mode == 2:
                line.clear()
        elif name == "A":
            self.row = max(0, self.row - count)
        elif name == "B":
            self.row = min(len(self.lines) - 1, self.row + count)
        elif name == "G":
            self.column = count - 1
        elif name == "J":
            del self.lines[self.row + 1 :]
            del self.born[self.row + 1 :]
            del self.lines[self.row][self.column :]

    def put(self, character, at):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.down(at)
        elif character == "\b":
            self.column = max(0, self.column - 1)
        elif character >= " ":
            if self.column == COLUMNS:
                self.down(at)
                self.column = 0
            line = self.lines[self.row]
            line.extend([(" ", ())] * (self.column - len(line)))
            line[self.column : self.column + 1] = [(character, self.style)]
            if not self.born[self.row]:
                self.born[self.row] = at
            self.column += 1

    def down(self, at):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])
            self.born.append(at)

    def text(self):
        return ["".join(character for character, _ in line).rstrip() for line in self.lines]


def play(pieces):
    """The screen at the end, and the time that all of it took with long pauses cut."""
    screen, now, rest = Screen(), 0.0, b""
    for pause, piece in pieces:
        now += min(pause, LONGEST_PAUSE)
        rest += piece
        try:
            text, rest = rest.decode(), b""
        except UnicodeDecodeError as error:
            text, rest = rest[: error.start].decode(), rest[error.start :]
        screen.feed(FOLDERS.sub("/tmp/navi-demo", text), now)
    while len(screen.lines) > 1 and not screen.lines[-1]:
        screen.lines.pop()
        screen.born.pop()
    return screen, now


def spans(line):
    """A line as SVG: a span for each piece of one style."""
    pieces = []
    for character, style in line:
        if pieces and pieces[-1][1] == style:
            pieces[-1][0] += character
        else:
            pieces.append([character, style])
    while pieces and not pieces[-1][0].strip():
        pieces.pop()
    drawn = ""
    for text, style in pieces:
        shown = escape(text, quote=False)
        drawn += f'<tspan class="{" ".join(sorted(set(style)))}">{shown}</tspan>' if style else shown
    return drawn


STYLE = """
svg { --ground: #ffffff; --edge: #d0d7de; --bar: #f6f8fa; --ink: #1f2328; --dim: #656d76;
  --c1: #cf222e; --c2: #116329; --c3: #7d4e00; --c4: #0550ae; --c5: #8250df; --c6: #1b7c83; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #0d1117; --edge: #30363d; --bar: #161b22; --ink: #e6edf3; --dim: #8b949e;
    --c1: #ff7b72; --c2: #56d364; --c3: #e3b341; --c4: #79c0ff; --c5: #d2a8ff; --c6: #56d4dd; }
}
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink);
  white-space: pre; }
.b { font-weight: 700 } .d { fill: var(--dim) } .c7 { fill: var(--ink) } .c0 { fill: var(--dim) }
.c1 { fill: var(--c1) } .c2 { fill: var(--c2) } .c3 { fill: var(--c3) }
.c4 { fill: var(--c4) } .c5 { fill: var(--c5) } .c6 { fill: var(--c6) }
""".strip()


def draw(screen, length, command):
    """The picture: all lines, behind a window that moves down as they come."""
    whole = length + HOLD
    last = max(0, len(screen.lines) - ROWS)
    moves = {0.0: 0}
    for row, born in enumerate(screen.born):
        moves[born] = max(0, row + 1 - ROWS)
    frames = "".join(f"{100 * at / whole:.2f}%{{transform:translateY({-LINE * down}px)}}" for at, down in moves.items())
    frames += f"100%{{transform:translateY({-LINE * last}px)}}"
    # Lines that come at the same time share an animation.
    times = sorted(set(screen.born))
    reveal = "".join(
        f"@keyframes l{number}{{0%{{opacity:0}}{100 * at / whole:.2f}%{{opacity:1}}100%{{opacity:1}}}}"
        f".l{number}{{animation-name:l{number}}}"
        for number, at in enumerate(times)
        if at
    )
    motion = (
        "@media (prefers-reduced-motion: no-preference) {\n"
        f"@keyframes down{{{frames}}}\n"
        f".page{{animation:down {whole:.1f}s step-end infinite}}\n"
        f".page text{{animation-duration:{whole:.1f}s;animation-timing-function:step-end;"
        "animation-iteration-count:infinite}\n"
        f"{reveal}\n}}"
    )
    rows = []
    for row, line in enumerate(screen.lines):
        drawn = spans(line)
        if drawn:
            number = times.index(screen.born[row])
            rows.append(f'<text class="l{number}" x="{LEFT}" y="{TOP + LINE * row + 14}">{drawn}</text>')
    lights = "".join(f'<circle cx="{20 + 18 * n}" cy="16" r="5" fill="var(--edge)"/>' for n in range(3))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(command)} in a terminal">
<style>
{STYLE}
.page{{transform:translateY({-LINE * last}px)}}
{motion}
</style>
<clipPath id="window"><rect x="1" y="{TOP}" width="{WIDTH - 2}" height="{HEIGHT - TOP - 1}"/></clipPath>
<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8" fill="var(--ground)" stroke="var(--edge)"/>
<path d="M1 32V9a8 8 0 0 1 8-8h{WIDTH - 18}a8 8 0 0 1 8 8v23z" fill="var(--bar)"/>
{lights}<text x="{WIDTH / 2}" y="21" text-anchor="middle" class="d">{escape(command)}</text>
<g clip-path="url(#window)"><g class="page">
{chr(10).join(rows)}
</g></g>
</svg>
"""


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--svg":
        target, command = sys.argv[2], sys.argv[3:]
        screen, length = play(record(command))
        name = " ".join([os.path.basename(command[0]), *command[1:]])
        with open(target, "w", encoding="utf-8") as file:
            file.write(draw(screen, length, name))
    elif len(sys.argv) > 2 and sys.argv[1] == "--text":
        screen, _ = play(record(sys.argv[2:]))
        print("\n".join(screen.text()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
