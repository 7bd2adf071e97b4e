"""A collector of traces: reads OTLP with OpenTelemetry's own definitions, and writes what it was sent.

    receiver.py FILE [BUSY]

Prints its port. Each span becomes a line of JSON in FILE. The first BUSY requests are answered 429.
"""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = {0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes(pairs):
    names = [pair.key for pair in pairs]
    assert len(names) == len(set(names)), f"a name stands twice: {names}"
    return {pair.key: value(pair.value) for pair in pairs}


def spans(request, headers):
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": KINDS[span.kind],
                    "began": span.start_time_unix_nano,
                    "ended": span.end_time_unix_nano,
                    "failed": span.status.code == 2,
                    "attributes": attributes(span.attributes),
                    "scope": scope.scope.name,
                    "schema": scope.schema_url,
                    "resource": attributes(resource.resource.attributes),
                    "headers": headers,
                }


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = Lock()
    busy = int(sys.argv[2]) if len(sys.argv) > 2 else 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Collector.lock:
            if Collector.busy > 0:
                Collector.busy -= 1
                return self.answer(429, b"", {"Retry-After": "0"})
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            told = {name.lower(): text for name, text in self.headers.items()} | {"path": self.path}
            with open(sys.argv[1], "a", encoding="utf-8") as file:
                for span in spans(request, told):
                    file.write(json.dumps(span) + "\n")
        self.answer(200, ExportTraceServiceResponse().SerializeToString(), {})

    def answer(self, status, body, headers):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_address[1], flush=True)
server.serve_forever()
