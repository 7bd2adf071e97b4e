"""The rules and routes of production with their times divided, so that a drill takes minutes.

Usage: scale.py SCALE PROMETHEUS_FOLDER WORLD SERVER_PORT ALERTMANAGER_PORT SINK_PORT
       scale.py --promise SCALE PROMETHEUS_FOLDER ALERT

The first form writes prometheus.yml, alertmanager.yml and the scaled rules into WORLD. Divided are windows, `for`,
intervals and ages; thresholds of shares, dollars and counts stay. Receivers all become the sink.

The second prints the seconds within which an alert fires, scaled, when everything goes wrong from one moment on.
"""

import math
import re
import sys
from pathlib import Path

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = r"(\d+)(ms|s|m|h|d|w)"
# A rate needs a few scrapes, and they come every second.
LEAST_WINDOW = 5


def seconds(number, unit):
    return int(number) * UNITS[unit]


def shorter(text, scale, least=0):
    """A text whose durations are divided; none becomes shorter than `least` seconds."""
    def divided(found):
        return f"{max(least, math.ceil(seconds(found[1], found[2]) / scale))}s"

    return re.sub(DURATION, divided, text)


def scaled_rules(text, scale):
    """Rules with divided times."""
    interval = max(1, round(30 / scale))
    lines = []
    for line in text.splitlines():
        field = re.match(r"\s*-?\s*(interval|for|keep_firing_for): ", line)
        if field:
            line = line[:field.end()] + shorter(line[field.end():], scale, 1 if field[1] == "interval" else 0)
        elif not re.match(r"\s*(summary|description|runbook_url): ", line):
            line = re.sub(r"\[[^\]]*\]", lambda found: shorter(found[0], scale, LEAST_WINDOW), line)
            # Sums over a window count events by the seconds between evaluations.
            line = re.sub(r"\* 30 (>=?) ", rf"* {interval} \1 ", line)
            if "time()" in line:
                line = re.sub(r"(> )(\d+)$", lambda found: f"{found[1]}{math.ceil(int(found[2]) / scale)}", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def scaled_routes(text, scale, sink):
    """Routes with divided times, whose receivers are all the sink."""
    before, _, after = text.partition("\nreceivers:\n")
    names = re.findall(r"^\s*- name: ['\"]?([\w-]+)", after, re.MULTILINE)
    # The text after the receivers is of the top level again.
    rest = re.search(r"^[a-z]", after, re.MULTILINE)
    after = after[rest.start():] if rest else ""
    receivers = "".join(
        f"  - name: {name}\n    webhook_configs:\n      - url: http://127.0.0.1:{sink}/\n        send_resolved: true\n"
        for name in names
    )
    before = "\n".join(
        shorter(line, scale, 1) if re.match(r"\s*(group_wait|group_interval|repeat_interval):", line) else line
        for line in before.splitlines()
    )
    return f"{before}\nreceivers:\n{receivers}{after}"


def promise(folder, alert, scale):
    """The seconds until an alert fires, from its own expression."""
    for path in sorted((folder / "alerts").glob("*.yaml")):
        rule = re.search(rf"- alert: {alert}\n(.*?)(?=\n\s*- (?:alert|record|name):|\Z)", path.read_text(), re.DOTALL)
        if rule:
            return math.ceil(until_it_fires(rule[1].partition("labels:")[0]) / scale)
    sys.exit(f"There is no alert {alert}.")


def until_it_fires(rule):
    held = re.search(rf"for: {DURATION}", rule)
    held = seconds(*held.groups()) if held else 0
    burn = re.findall(rf"ratio_rate{DURATION}\{{[^}}]*\}} > ([\d.]+)", rule)
    if burn:
        # A part of the long window must be bad; the rates below it look back over five minutes.
        number, unit, share = burn[0]
        return seconds(number, unit) * float(share) + seconds(5, "m") / 2 + held
    # Windows stand in brackets, or in the name of what is recorded, such as `increase1h`.
    windows = [seconds(*found) for found in re.findall(rf"(?:\[|:[a-z]+){DURATION}", rule)]
    ages = [int(age) for age in re.findall(r"> (\d+)$", rule, re.MULTILINE) if "time()" in rule]
    return max([*windows, *ages, 0]) + held


def main():
    if sys.argv[1] == "--promise":
        print(promise(Path(sys.argv[3]), sys.argv[4], float(sys.argv[2])))
        return
    scale, folder, world = float(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    server, alertmanager, sink = sys.argv[4:]
    for path in (folder / "alerts").glob("*.yaml"):
        (world / path.name).write_text(scaled_rules(path.read_text(), scale))
    (world / "alertmanager.yml").write_text(
        scaled_routes((folder / "alertmanager.yml").read_text(), scale, sink)
    )
    (world / "prometheus.yml").write_text(f"""\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: ["{world}/*.yaml"]
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["127.0.0.1:{alertmanager}"]
scrape_configs:
  - job_name: navi
    static_configs:
      - targets: ["127.0.0.1:{server}"]
""")


main()
