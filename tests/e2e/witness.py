"""A relay before a provider that keeps what passes, and refuses what a provider of Responses refuses."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Witness:
    """Relays to `upstream`. Keeps every request and the items of its answer; refuses reasoning that was
    never given out, and calls that come back without the reasoning before them."""

    def __init__(self, upstream):
        self.upstream = urlsplit(upstream)
        self.lock = threading.Lock()
        self.seen = []
        self.given = []
        self.led_to = {}
        self.held = {}
        self.spoiled = {}
        witness = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.relay(b"", None)

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                entry = witness.note(self.path, raw)
                witness.wait(entry)
                refusal = witness.refusal(entry)
                if refusal:
                    entry["status"] = 400
                    answer = json.dumps({"error": refusal}).encode()
                    self.send_response(400)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                    return
                self.relay(raw, entry)

            def relay(self, raw, entry):
                self.close_connection = True
                connection = http.client.HTTPConnection(witness.upstream.hostname, witness.upstream.port, timeout=120)
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() not in ("host", "connection", "content-length")}
                try:
                    connection.request(self.command, self.path, raw or None, headers)
                    answer = connection.getresponse()
                    self.send_response(answer.status)
                    self.send_header("content-type", answer.getheader("content-type", "application/json"))
                    self.send_header("connection", "close")
                    self.end_headers()
                    for line in answer:
                        if entry is not None:
                            witness.answered(entry, answer.status, line)
                        self.wfile.write(line)
                        self.wfile.flush()
                except OSError as error:
                    if entry is not None:
                        entry["broken"] = str(error)
                finally:
                    connection.close()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    # Records of requests and answers

    def note(self, path, raw):
        entry = {"path": path, "raw": raw.decode(), "body": json.loads(raw or b"null"), "items": [], "status": None}
        with self.lock:
            self.seen.append(entry)
        return entry

    def answered(self, entry, status, line):
        entry["status"] = status
        if not line.startswith(b"data: {"):
            return
        event = json.loads(line.removeprefix(b"data: "))
        if event.get("type") == "response.output_item.done":
            entry["items"].append(event["item"])
        if event.get("type") == "response.completed":
            entry["usage"] = event["response"].get("usage")
            with self.lock:
                reasoning = None
                for item in entry["items"]:
                    if item["type"] == "reasoning":
                        reasoning = item
                        self.given.append(item["encrypted_content"])
                    elif item["type"] == "function_call" and reasoning:
                        self.led_to[item["call_id"]] = reasoning

    def of(self, tag):
        """The requests of one run, oldest first; the plan is asked for before and apart."""
        with self.lock:
            seen = [entry for entry in self.seen if tag in entry["raw"]]
        return [entry for entry in seen if entry["body"].get("tools")]

    # Refusals

    def refusal(self, entry):
        body = entry["body"] or {}
        items = body.get("input")
        if not entry["path"].endswith("/responses") or not isinstance(items, list):
            return None
        spoiled = self.spoiled.get(self.tag(entry))
        reasoning = None
        for item in items:
            if item.get("type") == "reasoning":
                reasoning = item
                if spoiled or item.get("encrypted_content") not in self.given:
                    return {"message": "The encrypted content gAAA...DQ== could not be verified.",
                            "type": "invalid_request_error", "param": None, "code": "invalid_encrypted_content"}
            elif item.get("type") == "function_call":
                before = self.led_to.get(item.get("call_id"))
                if before and not spoiled and (reasoning or {}).get("id") != before["id"]:
                    return {"message": f"Item '{item['call_id']}' of type 'function_call' was provided without its "
                                       f"required 'reasoning' item: '{before['id']}'.",
                            "type": "invalid_request_error", "param": "input", "code": None}
            elif item.get("role") == "user":
                reasoning = None
        return None

    def spoil(self, tag):
        """From now on no reasoning of this run is accepted any more, as if the key had changed."""
        self.spoiled[tag] = True

    def tag(self, entry):
        return next((tag for tag in self.spoiled if tag in entry["raw"]), None)

    # Held requests

    def hold(self, tag, number):
        """Holds the request of this number of a run; answers with an event that is set once it is there."""
        arrived, released = threading.Event(), threading.Event()
        self.held[tag] = (number, arrived, released)
        return arrived, released

    def wait(self, entry):
        for tag, (number, arrived, released) in list(self.held.items()):
            if tag in entry["raw"] and len(self.of(tag)) == number and not arrived.is_set():
                arrived.set()
                released.wait(60)
