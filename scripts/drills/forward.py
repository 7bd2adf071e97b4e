"""Passes connections on to a port of this machine, and to another one when a file says so.

Usage: forward.py PORT FILE

FILE holds the port that connections go to. When it changes, those to the port before are closed: what the address of
a database does when another machine takes over.
"""

import asyncio
import contextlib
import sys
from pathlib import Path

PORT, FILE = int(sys.argv[1]), Path(sys.argv[2])
PAUSE_SECONDS = 0.05


async def copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def serve(client, to_client):
    target = FILE.read_text()
    try:
        server, to_server = await asyncio.open_connection("127.0.0.1", int(target))
    except OSError:
        to_client.close()
        return
    ways = [asyncio.create_task(copy(client, to_server)), asyncio.create_task(copy(server, to_client))]
    while not any(way.done() for way in ways) and FILE.read_text() == target:
        await asyncio.wait(ways, timeout=PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    for writer in (to_server, to_client):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    await server.serve_forever()


asyncio.run(main())
