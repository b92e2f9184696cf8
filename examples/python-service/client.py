"""How the service asks its upstream: connections that are kept and used again."""

import http.client
import queue
import random
import threading
import time
from collections import deque

TIMEOUT = 5.0
POOL_SIZE = 8


class Transport:
    """A pool of keep-alive connections to the upstream, used by many threads at once."""

    def __init__(self, address):
        self.address = address
        self.idle = queue.LifoQueue(POOL_SIZE)

    def take(self):
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            return connection_to(self.address)

    def give_back(self, connection):
        try:
            self.idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def get(self, path):
        """The body of the answer. A connection the upstream has closed in the meantime is replaced, once."""
        try:
            return self.attempt(path)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return self.attempt(path)

    def attempt(self, path):
        connection = self.take()
        try:
            body = ask(connection, path)
        except BaseException:
            connection.close()
            raise
        self.give_back(connection)
        return body


class Shards:
    """One connection for each shard of the upstream, opened when a request first falls on that shard.

    Their number rises fast at first, then ever more slowly, and stops at `count`: a pool that warms up.
    """

    def __init__(self, address, count):
        self.transports = [Transport(address) for _ in range(count)]
        self.locks = [threading.Lock() for _ in range(count)]
        self.random = random.Random(7)

    def get(self, path):
        shard = self.random.randrange(len(self.transports))
        with self.locks[shard]:
            return self.transports[shard].get(path)


class Lingering:
    """A connection of its own for every request, closed some seconds after the answer: as many are open as
    there were requests in that time."""

    def __init__(self, address, seconds):
        self.address = address
        self.seconds = seconds
        self.open = deque()
        threading.Thread(target=self.close_old, daemon=True).start()

    def get(self, path):
        connection = connection_to(self.address)
        try:
            return ask(connection, path)
        finally:
            self.open.append((time.monotonic() + self.seconds, connection))

    def close_old(self):
        while True:
            while self.open and self.open[0][0] <= time.monotonic():
                self.open.popleft()[1].close()
            time.sleep(0.05)


def connection_to(address):
    return http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT)


def ask(connection, path):
    connection.request("GET", path)
    return connection.getresponse().read()
