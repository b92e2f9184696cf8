"""What the service does wrong when its environment says so; by default nothing. README.md has the list."""

import os
import random
import threading
import time

from client import Transport

LEAKS = ("none", "transport", "body", "refresh", "memory")


class Trouble:
    """Read once from the environment. Safe to use from many threads."""

    def __init__(self, address, env=os.environ):
        self.address = address
        self.kind = env.get("LEAK", "none")
        if self.kind not in LEAKS:
            raise SystemExit(f"LEAK is one of {', '.join(LEAKS)}, not {self.kind!r}")
        self.every = max(1, int(env.get("LEAK_EVERY", "1")))
        self.burst = max(1, int(env.get("LEAK_BURST", "1")))
        self.path = env.get("LEAK_PATH", "")
        self.per_minute = float(env.get("LEAK_PER_MINUTE", "60"))
        self.kib = int(env.get("LEAK_KIB", "64"))
        self.error_ratio = float(env.get("ERROR_RATIO", "0"))
        self.delay = float(env.get("DELAY_MS", "0")) / 1000
        self.delay_every = max(1, int(env.get("DELAY_EVERY", "1")))
        self.stall_after = int(env.get("STALL_AFTER") or -1)
        self.random = random.Random(7)
        self.lock = threading.Lock()
        self.requests = 0
        self.could_leak = 0
        self.forgotten = []
        if self.kind == "refresh" and self.per_minute > 0:
            threading.Thread(target=self.refresh, daemon=True).start()

    def strikes(self):
        """Called once per request: stalls or delays it if it is its turn. True if it shall fail."""
        with self.lock:
            self.requests += 1
            late = self.requests % self.delay_every == 0
            fails = self.random.random() < self.error_ratio
        self.wait_if_stalled()
        if self.delay and late:
            time.sleep(self.delay)
        return fails

    def wait_if_stalled(self):
        """Never returns once the service has stalled."""
        if 0 <= self.stall_after < self.requests:
            threading.Event().wait()

    def leak(self, path, transport):
        """The body of the upstream's answer if this request leaks, else None."""
        if self.kind in ("none", "refresh") or self.path not in ("", path):
            return None
        with self.lock:
            self.could_leak += 1
            if self.could_leak % self.every:
                return None
        return [self.leak_once(transport) for _ in range(self.burst)][-1]

    def leak_once(self, transport):
        if self.kind == "memory":
            self.forgotten.append(os.urandom(1024 * self.kib))
            return transport.get("/stock")
        if self.kind == "body":
            connection = Transport(self.address).take()
            connection.request("GET", "/stock")
            self.forgotten.append((connection, connection.getresponse()))
            return b"{}"
        forgotten = Transport(self.address)
        self.forgotten.append(forgotten)
        return forgotten.get("/stock")

    def refresh(self):
        """Something that runs in the background and forgets a connection each time."""
        while True:
            time.sleep(60 / self.per_minute)
            forgotten = Transport(self.address)
            self.forgotten.append(forgotten)
            try:
                forgotten.get("/stock")
            except OSError as error:
                print(f"refresh: {type(error).__name__}: {error}", flush=True)
