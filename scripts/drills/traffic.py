"""Steady traffic of a few people: chats, lists and small questions, a few a second, until it is ended.

Usage: traffic.py BASE_URL TOKEN WORKSPACE

Requests start by the clock and not when the one before is answered, so that a slow server gets as many.
"""

import http.client
import json
import sys
import threading
import time
import urllib.parse

BASE, TOKEN, WORKSPACE = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3]
CHAT = ("POST", "/api/navi/chat", {"message": "Is all well?"})
LIST = ("GET", "/api/navi-memory/conversations", None)
JOB = ("POST", "/api/jobs", {"message": "Say that all is well.", "workspace_path": WORKSPACE})
# A second holds these, spread evenly; a job comes with every other one.
SECOND = [CHAT, LIST, CHAT, LIST, CHAT, LIST]
# Beyond this many at a time, a request is left out rather than queued.
MOST = 200
PATIENCE_SECONDS = 60


def send(method, path, body, room):
    """Sends a request and reads the answer, whatever it is."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body and json.dumps(body), headers)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        # The metrics show the effect of a fault on the traffic.
        pass
    finally:
        connection.close()
        room.release()


def main():
    room = threading.Semaphore(MOST)
    due, number = time.monotonic(), 0
    while True:
        requests = [SECOND[number % len(SECOND)]]
        if number % (2 * len(SECOND)) == 0:
            requests.append(JOB)
        for request in requests:
            if room.acquire(blocking=False):
                threading.Thread(target=send, args=(*request, room), daemon=True).start()
        number += 1
        due += 1 / len(SECOND)
        time.sleep(max(0, due - time.monotonic()))


main()
