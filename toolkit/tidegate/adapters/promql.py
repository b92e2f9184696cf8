"""PromQL over the Prometheus HTTP API, as Managed Service for Prometheus and Prometheus itself offer it."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from tidegate.adapters.rest_errors import PASSING, Refused, cut, is_passing, said, translated
from tidegate.adapters.retry import Retrying
from tidegate.adapters.within import within
from tidegate.core.alerting.firing import IndexArray, Labels
from tidegate.core.errors import Rejected, Unreachable
from tidegate.core.samples import FloatArray, Window

if TYPE_CHECKING:
    import requests

GOOGLE = "https://monitoring.googleapis.com/v1/projects/{project}/location/global/prometheus"
_PATH = "/api/v1/query_range"
MOST_STEPS = 10_000
"""Prometheus refuses more than 11,000 points per series."""
_MOST_BYTES = 64 << 20
_LOOKBACK = 300.0
"""Seconds for which PromQL goes on telling the last sample of a series that has ended."""
_GRANT = "grant roles/monitoring.viewer to the account tidegate runs as"

_OF_OTHERS = frozenset({401, 403, *PASSING})
"""Refusals that may be those of somebody in between, whoever stands behind."""

Line = tuple[Mapping[str, str], FloatArray, FloatArray]
"""Labels, times (rising, epoch seconds) and finite values of one series of the answer."""


class PromQl:
    """`address` is the API's without `/api/v1`, with `{project}` where that belongs; `denied` is the way out
    where it refuses us.

    `open_session` makes an HTTP session that carries the credentials; each query has one of its own, as
    sessions are not made for several threads.
    """

    def __init__(
        self,
        open_session: Callable[[], requests.Session],
        retrying: Retrying,
        address: str = GOOGLE,
        denied: str = _GRANT,
    ) -> None:
        self._open_session = open_session
        self._retrying = retrying
        self._address = address
        self._denied = denied
        self._place = "" if address == GOOGLE else _without_credentials(address.format(project=""))

    def query_range(self, project: str, query: str, window: Window, step: float) -> list[Line]:
        """The query at every multiple of `step` seconds in the window, so that two reads meet the same times.

        Not-a-number and infinite values are left out, and so is what PromQL repeats of a series that has
        ended. Raises Rejected for a query that cannot be answered, NotFound, Denied, Unreachable.
        """
        found: dict[Labels, list[tuple[float, float]]] = {}
        last = math.floor(window.end / step)
        for first, end in _pieces(math.floor(window.start / step) + 1, last):
            for labels, points in self._ask(project, query, first * step, end * step, step):
                finite = [(time, value) for time, value in points if math.isfinite(value)]
                found.setdefault(labels, []).extend(finite)
        lines = (_line(labels, points, last * step, step) for labels, points in found.items())
        return [line for line in lines if line is not None]

    def held(
        self, project: str, query: str, start: float, step: float, count: int
    ) -> Mapping[Labels, IndexArray]:
        """See `ports.History`. In one request, so that `count` is at most `MOST_STEPS`.

        Unlike in `query_range` everything counts that an alert would fire on: what is infinite or no number,
        and what PromQL repeats of a series that has ended.
        """
        end = start + (count - 1) * step
        found: dict[Labels, IndexArray] = {}
        for labels, points in self._ask(project, query, start, end, step, _is_brief):
            times = np.array([time for time, _ in points], dtype=np.float64)
            asked = times[(times > start - step / 2) & (times < end + step / 2)]
            index = np.unique(np.rint((asked - start) / step).astype(np.int64))
            named = tuple((name, value) for name, value in labels if name != "__name__")
            found[named] = np.union1d(found[named], index) if named in found else index
        return {labels: index for labels, index in found.items() if index.size}

    def _ask(
        self,
        project: str,
        query: str,
        start: float,
        end: float,
        step: float,
        worth_repeating: Callable[[Exception], bool] = is_passing,
    ) -> list[tuple[Labels, list[tuple[float, float]]]]:
        where = f"at {self._place}" if self._place else f"in project {project}"
        doing = f"evaluate {_shown(query)} {where}"
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.12g}"}
        timeout = self._retrying.policy.timeout
        with translated(doing, timeout, denied=self._denied, rejected="check the query"):
            body = self._retrying.call(lambda: self._get(project, asked), worth_repeating)
        try:
            return list(_series(body))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unreachable(f"cannot {doing}: the answer is not one of Prometheus") from error

    def _get(self, project: str, asked: Mapping[str, str]) -> bytes:
        import requests

        try:
            return within(2 * self._retrying.policy.timeout, lambda: self._body(project, asked), "promql")
        except TimeoutError as error:  # a server that drips
            raise requests.Timeout from error

    def _body(self, project: str, asked: Mapping[str, str]) -> bytes:
        url = self._address.format(project=project) + _PATH
        timeout = self._retrying.policy.timeout
        with (
            contextlib.closing(self._open_session()) as session,
            self._without_proxy(session, url).get(
                url, params=asked, timeout=timeout, allow_redirects=False, stream=True
            ) as answer,
        ):
            body = bytearray()
            for chunk in answer.iter_content(65_536):
                body += chunk
                if len(body) > _MOST_BYTES:
                    body.clear()  # the traceback would keep it
                    raise Refused(413, f"the answer is longer than {_MOST_BYTES >> 20} MiB")
            if answer.status_code != 200:
                raise self._refusal(answer.status_code, bytes(body))
            return bytes(body)

    def _refusal(self, status: int, body: bytes) -> Exception:
        """Prometheus says why in JSON, and has this path."""
        if (
            self._place
            and status >= 400
            and status not in _OF_OTHERS
            and (status == 404 or not _is_json(body))
        ):
            return Rejected(f"what answers at {self._place} is no Prometheus (HTTP {status})")
        return Refused(status, said(body))

    @staticmethod
    def _without_proxy(session: requests.Session, url: str) -> requests.Session:
        """Proxies of the environment have no business on this machine's own ports."""
        with contextlib.suppress(ValueError):
            session.trust_env = not ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
        return session


def _without_credentials(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _is_brief(error: Exception) -> bool:
    """What takes too long once does so again: it is asked for in smaller pieces instead."""
    import requests

    return is_passing(error) and not isinstance(error, requests.Timeout)


def _pieces(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The steps of a window, in as many queries as it takes."""
    while first <= last:
        yield first, min(first + MOST_STEPS - 1, last)
        first += MOST_STEPS


def _series(body: bytes) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
    data: Any = json.loads(body)["data"]
    if data["resultType"] != "matrix":
        raise ValueError(data["resultType"])
    for one in data["result"]:
        labels = tuple(sorted((_text(name), _text(value)) for name, value in one["metric"].items()))
        points = [(float(time), float(value)) for time, value in one.get("values", ())]
        if not all(math.isfinite(time) for time, _ in points):
            raise ValueError("a time that is none")
        yield labels, points


def _text(value: object) -> str:
    """Raises ValueError for half of a surrogate pair, which JSON can write and nobody can print."""
    text = str(value)
    text.encode()
    return text


def _line(labels: Labels, points: list[tuple[float, float]], end: float, step: float) -> Line | None:
    if not points:
        return None
    times, values = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    times, index = np.unique(times, return_index=True)
    kept = _without_echo(times, values[index], end, step)
    return dict(labels), times[:kept], values[index][:kept]


def _without_echo(times: FloatArray, values: FloatArray, end: float, step: float) -> int:
    """How many samples remain when the repetitions at the end of a series that ended early are left out."""
    if times[-1] > end - step / 2:
        return int(times.size)
    kept = int(times.size)
    while kept > 1 and values[kept - 2] == values[-1] and times[-1] - times[kept - 2] <= _LOOKBACK:
        kept -= 1
    return kept


def _shown(query: str) -> str:
    return repr(cut(query, 80))
