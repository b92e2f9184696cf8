"""Connections and pools for the Prometheus client of Python. Copy this file and process_metrics.py.

    with_client.register(pools={"database": lambda: (engine.pool.checkedout(), engine.pool.checkedin())})
    prometheus_client.start_http_server(9464, addr="127.0.0.1")

The client exports process_open_fds and process_max_fds by itself. It has no connections and knows no pools.
"""

from process_metrics import connections
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily


def register(registry=REGISTRY, pools=None):
    """`pools` maps a name to a function that returns how many are (in use, idle)."""
    registry.register(Collector(pools or {}))


class Collector:
    """Looks when it is scraped, so that it costs nothing in between."""

    def __init__(self, pools):
        self.pools = pools

    def collect(self):
        states = GaugeMetricFamily(
            "tcp_connections", "TCP connections of this process by state.", labels=["state"]
        )
        for state, count in connections().items():
            states.add_metric([state], count)
        yield states
        pools = GaugeMetricFamily("pool_connections", "Pooled connections.", labels=["pool", "use"])
        for name, look in self.pools.items():
            for use, count in zip(("in_use", "idle"), look(), strict=True):
                pools.add_metric([name, use], count)
        yield pools
