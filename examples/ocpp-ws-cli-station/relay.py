#!/usr/bin/env python3
"""The station's network cable: passes connections from the station's port on to the harness, until it is ended."""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def station(reader, writer):
    try:
        harness = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, harness[1]), copy(harness[0], writer))


async def main():
    server = await asyncio.start_server(station, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
