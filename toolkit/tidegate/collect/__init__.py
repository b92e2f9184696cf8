"""The exporter that runs beside a service, in a container of its own: TCP connections by state, descriptors.

It is to be small: nothing but the standard library is imported here.
"""

from tidegate.collect.exporter import Exporter, serve
from tidegate.collect.reading import Subject, read

__all__ = ["Exporter", "Subject", "read", "serve"]
