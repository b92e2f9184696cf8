"""The service of the crash points: answers, or errs, and starts in a few milliseconds.

`python -S -E app.py [bad]`; a bad one fails every request but its health check.
"""

import os
import socket
import sys

ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
BAD = "bad" in sys.argv

with socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=64) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            asked = connection.recv(65536)
            fails = BAD and b"/healthz" not in asked.partition(b"\r\n")[0]
            if asked:
                connection.sendall(ANSWER % (b"500 Bad" if fails else b"200 OK"))
