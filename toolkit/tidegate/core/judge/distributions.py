"""The few distribution functions the judge needs, without scipy, which costs most of a second to import."""

from __future__ import annotations

import math
from functools import lru_cache

MANY = 1e6
"""Beyond this many trials the beta distribution is taken for the normal one it then resembles."""


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)) / a
    return min(1.0, front * _lentz(x, a, b))


def log_beta_sf(x: float, a: float, b: float) -> float:
    """log(1 - I_x(a, b)), accurate where the tail is far smaller than a float can hold."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return -math.inf
    if a + b > MANY:
        spread = math.sqrt(a * b / (a + b + 1)) / (a + b)
        return _log_normal_sf((x - a / (a + b)) / spread)
    if x > (a + 1) / (a + b + 2):
        log_front = b * math.log1p(-x) + a * math.log(x) - log_beta(a, b) - math.log(b)
        return min(0.0, log_front + math.log(_lentz(1 - x, b, a)))
    return math.log1p(-min(beta_cdf(x, a, b), 1 - 1e-16))


def _log_normal_sf(z: float) -> float:
    if z < 25:
        return math.log(0.5 * math.erfc(z / math.sqrt(2)))
    return -z * z / 2 - math.log(z * math.sqrt(2 * math.pi))


def _lentz(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    c, result = 1.0, d
    for m in range(1, 1000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            result *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return result


def t_sf(t: float, df: float) -> float:
    """P(T > t) for Student's t with `df` (real, positive) degrees of freedom."""
    tail = 0.5 * beta_cdf(df / (df + t * t), df / 2, 0.5)
    return tail if t >= 0 else 1 - tail


def t_quantile(tail: float, df: float) -> float:
    """The t with P(T > t) = tail, for 0 < tail < 0.5; `df` to three digits, as t moves by less than that."""
    return _t_quantile(tail, float(f"{df:.3g}"))


@lru_cache(maxsize=4096)
def _t_quantile(tail: float, df: float) -> float:
    low, high = 0.0, 1.0
    while t_sf(high, df) > tail and high < 1e12:
        low, high = high, high * 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if t_sf(middle, df) > tail else (low, middle)
    return (low + high) / 2
