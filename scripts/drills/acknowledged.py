"""Sends telemetry with known numbers, and notes what was acknowledged, until it is ended.

Usage: acknowledged.py BASE_URL TOKEN FILE

A line of FILE is the time of an acknowledgement, a tab and the number of the event. What was refused or broke off is
sent no second time: it may be there or not. FILE.refused has a line for each of those: the time, a tab and why.
"""

import http.client
import json
import sys
import threading
import time
import urllib.parse

BASE, TOKEN, FILE = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3]
SENDERS = 4
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 30


def send(connection, number):
    """Sends one event; answers with nothing when it was acknowledged, and else with why not."""
    batch = {"batchId": f"drill-{number}", "events": [{"type": "drill.number", "data": {"number": number}}]}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/telemetry", json.dumps(batch), headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
    if answer.status != 200:
        return str(answer.status)
    return None if json.loads(body)["eventsPersisted"] == 1 else "not persisted"


def keep_sending(sender, acknowledged, refused, lock):
    connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=PATIENCE_SECONDS)
    for count in range(1_000_000):
        number = f"{sender}-{count}"
        why = send(connection, number)
        with lock:
            file, text = (acknowledged, number) if why is None else (refused, why)
            file.write(f"{time.time():.3f}\t{text}\n")
            file.flush()
        time.sleep(PAUSE_SECONDS)


def main():
    lock = threading.Lock()
    with open(FILE, "w") as acknowledged, open(f"{FILE}.refused", "w") as refused:
        senders = [
            threading.Thread(target=keep_sending, args=(sender, acknowledged, refused, lock), daemon=True)
            for sender in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()


main()
