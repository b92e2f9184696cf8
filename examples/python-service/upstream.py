"""The upstream that `orders` asks: a keep-alive HTTP server that holds thousands of idle connections.

DELAY_MS  how long an answer takes, default 2
"""

import asyncio
import os
import resource
import signal

DELAY = float(os.environ.get("DELAY_MS", "2")) / 1000
BODY = b'{"apples": 12, "pears": 7}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n%s" % (len(BODY), BODY)
)
LONGEST_HEAD = 65_536


async def serve(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(DELAY)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        pass
    finally:
        writer.close()


async def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    port = int(os.environ.get("PORT", "9000"))
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=LONGEST_HEAD, backlog=1024)
    print(f"upstream listens on {port}", flush=True)
    await stopped.wait()
    server.close()


asyncio.run(main())
