#!/usr/bin/env python3
"""Writes the dashboards beside it: `grafana/dashboards.py`, or with `--check` only compares them.

`--runbooks URL` says where the runbooks can be read, and `--into FOLDER` writes elsewhere. What is
looked at by an operator in a dashboard is decided here; how Grafana wants it said is in panels.py.
"""

import argparse
import json
import sys
from pathlib import Path

import errors
import learning
import llm
import slo
import tasks
from panels import dashboard

HERE = Path(__file__).parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--into", type=Path, default=HERE / "dashboards")
    arguments.add_argument("--runbooks", default="https://git.example.com/navi/src/main/docs/runbooks")
    chosen = arguments.parse_args()
    stale = []
    for module in (llm, tasks, errors, learning, slo):
        made = dashboard(**module.ABOUT, runbooks_at=chosen.runbooks, parts=module.PARTS)
        path = chosen.into / f"{made['uid']}.json"
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        if not chosen.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path))
    if stale:
        sys.exit(f"not as {__file__} writes them: {', '.join(stale)}")


if __name__ == "__main__":
    main()
