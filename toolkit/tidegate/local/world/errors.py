"""The one error the world raises: a canonical status code and a sentence, turned into gRPC or JSON by the
transports."""

from __future__ import annotations

from typing import NoReturn

CODES: dict[str, tuple[int, int]] = {
    "CANCELLED": (1, 499),
    "UNKNOWN": (2, 500),
    "INVALID_ARGUMENT": (3, 400),
    "DEADLINE_EXCEEDED": (4, 504),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "OUT_OF_RANGE": (11, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "DATA_LOSS": (15, 500),
    "UNAUTHENTICATED": (16, 401),
}
"""Canonical name -> (number of `google.rpc.Code`, HTTP status)."""


class ApiError(Exception):
    """An answer that is an error. `code` is a canonical name such as `NOT_FOUND`."""

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise ValueError(f"{code} is not a canonical status code")
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def number(self) -> int:
        return CODES[self.code][0]

    @property
    def http_status(self) -> int:
        return CODES[self.code][1]


class ResponseLost(Exception):
    """The effect has happened, the caller must see a broken connection instead of the answer."""


def invalid(message: str) -> NoReturn:
    raise ApiError("INVALID_ARGUMENT", message)


def not_found(message: str) -> NoReturn:
    raise ApiError("NOT_FOUND", message)
