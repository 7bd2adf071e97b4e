"""Processes, HTTP, SQL and the table of results, for providers.py. Nothing but the standard library."""

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path


class Mismatch(Exception):
    """An unexpected result; ends the script."""


class Report:
    """Claims, each of which held or did not. Printed as they are made."""

    def __init__(self):
        self.held = 0
        self.broken = []

    def section(self, title):
        print(f"\n{title}")

    def claim(self, what, seen, expected):
        """Two values that must be equal."""
        self.that(what, seen == expected, str(seen) if seen == expected else f"{seen!r}, not {expected!r}")

    def that(self, what, holds, seen):
        """Something that must hold, with what was seen."""
        print(f"  {'ok  ' if holds else 'FAIL'}  {what:<58}  {str(seen)[:400]}", flush=True)
        if holds:
            self.held += 1
        else:
            self.broken.append(f"{what}: {seen}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def dies_with_us():
    """Runs in the child: whatever becomes of this script, nothing it started stays."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Processes:
    """The processes that were started, so that they are stopped."""

    def __init__(self, logs):
        self.logs = logs
        self.running = {}

    def start(self, name, command, ready, environment=None, seconds=120):
        """Starts a server and waits until the URL `ready` answers."""
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                start_new_session=True, preexec_fn=dies_with_us,
            )
        self.running[name] = process
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Mismatch(f"{name} ended with {process.returncode}:\n{self.log(name)}")
            try:
                with urllib.request.urlopen(ready, timeout=2):
                    return process
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise Mismatch(f"{name} did not answer at {ready} within {seconds} s:\n{self.log(name)}")

    def stop(self, name):
        """Ends a server as an operator would, and answers with its exit code."""
        process = self.running.pop(name)
        process.terminate()
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        return code

    def stop_all(self):
        for name in list(self.running):
            self.stop(name)

    def log(self, name):
        return (self.logs / f"{name}.log").read_text(errors="replace")[-3000:]


def get(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def post(url, body, headers=None):
    """Answers with the status and the JSON, also for statuses that are failures."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or b"{}")


class Stream:
    """One run over server-sent events, read to its end."""

    def __init__(self, base, path, token, body, seconds):
        self.events, self.ids, self.done = [], [], False
        host = base.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        end = time.monotonic() + seconds
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Mismatch(f"{path} answered {answer.status}: {answer.read().decode()}")
            for line in answer:
                if time.monotonic() > end:
                    raise Mismatch(f"the run did not end within {seconds} s")
                self.line(line.decode().rstrip("\n"))
        finally:
            connection.close()

    def line(self, line):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            self.ids.append(int(value))
        elif field == "data" and value == "[DONE]":
            self.done = True
        elif field == "data":
            self.events.append(json.loads(value))

    def of(self, kind):
        return [event for event in self.events if event.get("type") == kind]

    def summary(self):
        ends = self.of("complete")
        if len(ends) != 1:
            raise Mismatch(f"{len(ends)} `complete` events; the last events: {self.events[-5:]}")
        return ends[0]["summary"]


def rows(query):
    """The rows of a query as dictionaries, asked with psql: not a line of ours is in between."""
    wrapped = f"select coalesce(json_agg(r), '[]') from ({query}) r"
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", wrapped]
    answer = subprocess.run(
        [*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, timeout=60, check=False
    )
    if answer.returncode != 0:
        raise Mismatch(f"psql: {answer.stderr}")
    return json.loads(answer.stdout)


def metrics(base):
    """Every Prometheus series, by name and labels."""
    series = {}
    for line in get(f"{base}/metrics").splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.rpartition(" ")
            series[key] = float(value)
    return series


def total(series, name, **labels):
    """The sum over the series of a metric that have these labels."""
    parts = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        value for key, value in series.items()
        if key.partition("{")[0] == name and all(part in key for part in parts)
    )


def same_files(left, right, ignored):
    """The paths at which two folders differ."""
    def files(root: Path):
        found = {}
        for path in root.rglob("*"):
            relative = path.relative_to(root)
            if path.is_file() and not any(part in ignored for part in relative.parts):
                found[str(relative)] = path.read_bytes()
        return found

    here, there = files(left), files(right)
    return sorted(path for path in here.keys() | there.keys() if here.get(path) != there.get(path))
