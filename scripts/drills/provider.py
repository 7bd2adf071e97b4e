"""A model provider for drills: speaks Chat Completions and does what the file MODE says.

Usage: provider.py PORT MODE

The file holds one word, which is read again for every request:

ok      an answer at once
down    503 to every request
slow    a first token after eight seconds
costly  an answer at once, with the usage of a very long prompt
"""

import http.server
import json
import sys
import time
from pathlib import Path

SLOW_SECONDS = 8
ORDINARY = {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}
COSTLY = {"prompt_tokens": 350_000, "completion_tokens": 2_000, "total_tokens": 352_000}


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing: the server that asks writes its own log."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        mode = Path(sys.argv[2]).read_text().strip()
        if mode == "down":
            self.refuse()
            return
        if mode == "slow":
            time.sleep(SLOW_SECONDS)
        self.answer(COSTLY if mode == "costly" else ORDINARY)

    def refuse(self):
        body = json.dumps({"error": {"message": "down for a drill", "type": "server_error"}}).encode()
        self.send_response(503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, usage):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for choices, counted in [
            ([{"index": 0, "delta": {"role": "assistant", "content": "All is well."}}], None),
            ([{"index": 0, "delta": {}, "finish_reason": "stop"}], None),
            ([], usage),
        ]:
            chunk = {"id": "drill", "object": "chat.completion.chunk", "created": 0, "model": "drill"}
            chunk |= {"choices": choices, "usage": counted}
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    """The same; a client that leaves is nothing to speak of."""

    def handle_error(self, *_):
        pass


Server(("127.0.0.1", int(sys.argv[1])), Provider).serve_forever()
