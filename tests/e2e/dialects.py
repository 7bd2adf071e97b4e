"""Drives `navi serve` against servers that refuse a turn whose reasoning does not come back; see
docs/verification.md.

Usage: scripts/with-postgres.sh python3 tests/e2e/dialects.py NAVI. Each server is strict in the way of one
provider's documentation: DeepSeek, Qwen, and Gemini over Google's compatible endpoint and over OpenRouter.
Between the first turn and the second NAVI is killed with SIGKILL, and started again.
"""

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness import Mismatch, Processes, Report, free_port, get, post

WRONG = "def mean(xs):\n    return sum(xs) / (len(xs) - 1)\n"
RIGHT = "def mean(xs):\n    return sum(xs) / len(xs)\n"
# The "model", turn by turn: it reads, fixes and reports.
TURNS = [
    ("read_file", {"path": "stats.py"}),
    ("edit_file", {"path": "stats.py", "old_text": "(len(xs) - 1)", "new_text": "len(xs)"}),
    None,
]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020,
         "prompt_tokens_details": {"cached_tokens": 800}}


class Refused(Exception):
    """A request that the strict server does not take."""


def text_of(turn):
    return f"I think about turn {turn}, «ordentlich» 🧭."


def insist(field, seen, expected):
    if seen != expected:
        raise Refused(f"{field} is {seen!r}, not {expected!r}")


class DeepSeek:
    """`reasoning_content` of every turn with calls, exactly."""

    model, flag, asked = "self_hosted/deepseek-v4-pro", "SELF_HOSTED_API_BASE_URL", {"chat_template_kwargs": {"thinking": True}}
    path = "/v1"

    def reasons(self, turn):
        half = len(text_of(turn)) // 2
        return [{"reasoning_content": text_of(turn)[:half]}, {"reasoning_content": text_of(turn)[half:]}]

    def call(self, turn, name, arguments):
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {"index": 0, "id": f"call_{turn}", "type": "function", "function": function}

    def check(self, turn, message):
        insist("reasoning_content", message.get("reasoning_content"), text_of(turn))


class Qwen(DeepSeek):
    """The same, which Qwen's chat template reads; a field that it does not know is refused."""

    model, asked = "self_hosted/qwen3.8-max", {"chat_template_kwargs": {"enable_thinking": True}}

    def check(self, turn, message):
        super().check(turn, message)
        insist("unknown fields", sorted(set(message) - {"role", "content", "tool_calls", "reasoning_content"}), [])


class Gemini(DeepSeek):
    """The signature in `extra_content` of the first call; nothing else than what is documented."""

    model, flag, asked = "google/gemini-3.8-flash", "GOOGLE_BASE_URL", {"reasoning_effort": "high"}
    path = "/v1beta/openai"

    def reasons(self, turn):
        return []

    def call(self, turn, name, arguments):
        # An id of another shape each time, as this endpoint makes them.
        return {**super().call(turn, name, arguments), "id": f"function-call-{turn}{'0' * 40}",
                "extra_content": {"google": {"thought_signature": f"c2lnbmF0dXJl{turn}"}}}

    def check(self, turn, message):
        signed = message["tool_calls"][0].get("extra_content")
        insist("extra_content", signed, {"google": {"thought_signature": f"c2lnbmF0dXJl{turn}"}})
        insist("unknown fields", sorted(set(message) - {"role", "content", "tool_calls"}), [])


class OpenRouter(DeepSeek):
    """`reasoning_details` as they came, an encrypted entry and one that came in pieces among them."""

    model, flag, asked = "openrouter/google/gemini-3.8-flash", "OPENROUTER_BASE_URL", {"reasoning": {"effort": "high"}}
    path = "/api/v1"

    def details(self, turn):
        return [
            {"type": "reasoning.text", "text": text_of(turn), "format": "google-gemini-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": f"QUFB{turn}", "id": f"call_{turn}", "format": "google-gemini-v1", "index": 0},
        ]

    def reasons(self, turn):
        thought, encrypted = self.details(turn)
        half = len(thought["text"]) // 2
        pieces = [{**thought, "text": thought["text"][:half]}, {**thought, "text": thought["text"][half:]}, encrypted]
        return [{"reasoning": piece.get("text"), "reasoning_details": [piece]} for piece in pieces]

    def check(self, turn, message):
        insist("reasoning_details", message.get("reasoning_details"), self.details(turn))


class Server:
    """A model server that is strict in one way, and remembers what it saw."""

    def __init__(self, dialect):
        self.dialect, self.refusals, self.requests = dialect, [], []
        self.reached, self.lock = threading.Event(), threading.Lock()
        self.dies = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    outer.answer(self, body)
                except Refused as refused:
                    outer.refusals.append(str(refused))
                    outer.send(self, 400, "application/json", json.dumps({"error": {"message": str(refused)}}))
                except (BrokenPipeError, ConnectionResetError):
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}{dialect.path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def send(self, handler, status, kind, text):
        data = text.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def answer(self, handler, body):
        if not body.get("tools"):
            return self.stream(handler, [{"content": json.dumps({"steps": [{"label": "Mend it"}]})}], "stop")
        turns = [m for m in body["messages"] if m["role"] == "assistant" and m.get("tool_calls")]
        for turn, message in enumerate(turns):
            self.dialect.check(turn, message)
        for field, value in self.dialect.asked.items():
            insist(field, body.get(field), value)
        with self.lock:
            self.requests.append(body)
            dies, self.dies = self.dies and len(turns) == 1, self.dies and len(turns) != 1
        if dies:
            # Nothing is answered: the process that asked is killed meanwhile.
            self.reached.set()
            time.sleep(30)
            return None
        move = TURNS[min(len(turns), len(TURNS) - 1)]
        if move is None:
            return self.stream(handler, [{"content": "The mean is right now."}], "stop")
        deltas = self.dialect.reasons(len(turns))
        deltas.append({"tool_calls": [self.dialect.call(len(turns), *move)]})
        return self.stream(handler, deltas, "tool_calls")

    def stream(self, handler, deltas, finish):
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        chunks.append({"choices": [], "usage": USAGE})
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send(handler, 200, "text/event-stream", text)


def settings(server, data, port):
    keep = ("PATH", "HOME", "USER", "LANG", "DATABASE_URL")
    dialect = server.dialect
    key = dialect.flag.replace("_BASE_URL", "_KEY") if "SELF" in dialect.flag else dialect.flag.replace("BASE_URL", "API_KEY")
    return {
        **{name: os.environ[name] for name in keep if name in os.environ},
        "NAVI_BIND": f"127.0.0.1:{port}", "NAVI_DATA_DIR": str(data),
        dialect.flag: server.base, key: "not-a-key",
    }


def ended(base, headers, job, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = json.loads(get(f"{base}/api/jobs/{job}", headers))["job"]
        if answer["status"] in ("completed", "failed", "canceled"):
            return answer
        time.sleep(0.2)
    raise Mismatch(f"the job did not end within {seconds} s: {answer}")


def summary_of(base, headers, job):
    frames = get(f"{base}/api/jobs/{job}/events", headers).splitlines()
    events = [json.loads(line[6:]) for line in frames if line.startswith("data: {")]
    return next(event["summary"] for event in events if event["type"] == "complete")


def drive(report, processes, navi, folder, dialect):
    name = type(dialect).__name__
    report.section(f"{name}: {dialect.model}")
    server = Server(dialect)
    workspace, data = folder / name, folder / "data"
    workspace.mkdir(parents=True)
    (workspace / "stats.py").write_text(WRONG)
    port = free_port()
    base, environment = f"http://127.0.0.1:{port}", settings(server, data, port)
    command, ready = [navi, "serve", "--migrate"], f"{base}/health/ready"
    processes.start(name, command, ready, environment)
    mint = [navi, "token", "mint", "--org", f"e2e-{name.lower()}", "--user", "ada", "--role", "planner"]
    minted = subprocess.run(mint, capture_output=True, text=True, env=environment, timeout=60, check=True)
    headers = {"Authorization": f"Bearer {minted.stdout.strip()}"}
    body = {"message": "The mean of a list is wrong. Mend stats.py.", "model": dialect.model,
            "workspace_path": str(workspace), "run_verification": False, "reasoning_effort": "high"}
    status, created = post(f"{base}/api/jobs", body, headers)
    report.claim("the job is taken", status, 200)
    job = created["job"]["job_id"]
    if not server.reached.wait(60):
        raise Mismatch(f"the second turn was not asked for; refused: {server.refusals}\n{processes.log(name)}")
    process = processes.running.pop(name)
    os.kill(process.pid, signal.SIGKILL)
    report.claim("killed between two turns", process.wait(), -signal.SIGKILL)
    processes.start(name, command, ready, environment)
    job_row = ended(base, headers, job)
    report.claim("the job ended", job_row["status"], "completed")
    report.claim("what the server refused", server.refusals, [])
    report.claim("the file", (workspace / "stats.py").read_text(), RIGHT)
    turns = [sum(bool(m.get("tool_calls")) for m in seen["messages"]) for seen in server.requests]
    report.claim("turns with calls in each request", turns, [0, 1, 1, 2])
    begun = [json.dumps(seen["messages"])[:-1] for seen in server.requests]
    report.that("each request begins with the one before", all(
        later.startswith(earlier) for earlier, later in zip(begun, begun[1:], strict=False)), len(begun))
    report.claim("cache_hit_rate of the summary", summary_of(base, headers, job)["cache_hit_rate"], 0.8)
    report.claim("navi ends in good order", processes.stop(name), 0)


def main():
    navi = sys.argv[1]
    folder = Path(tempfile.mkdtemp(prefix="navi-dialects."))
    report, processes = Report(), Processes(folder)
    try:
        for dialect in (DeepSeek(), Qwen(), Gemini(), OpenRouter()):
            drive(report, processes, navi, folder, dialect)
    finally:
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{report.held} claims held, {len(report.broken)} did not.")
    for broken in report.broken:
        print(f"  {broken}")
    return bool(report.broken)


if __name__ == "__main__":
    sys.exit(main())
