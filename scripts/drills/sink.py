"""Stands in for a pager: takes Alertmanager's webhooks and notes them with the time of their arrival.

Usage: sink.py PORT FILE

Every alert of a notification becomes a line of the file: seconds since 1970, status, name, the receiver of the
route that it took and its runbook, between tabs.
"""

import http.server
import json
import sys
import time


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes one notification."""

    def log_message(self, *_):
        """Says nothing: what came stands in the file."""

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            for alert in told["alerts"]:
                fields = [f"{time.time():.1f}", alert["status"], alert["labels"]["alertname"]]
                fields += [told["receiver"], alert["annotations"].get("runbook_url", "-")]
                file.write("\t".join(fields) + "\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
