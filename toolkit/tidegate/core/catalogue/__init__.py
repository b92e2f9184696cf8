"""The metrics: what each means, which way is better, where Cloud Monitoring keeps it."""

from tidegate.core.catalogue.custom import PLACEHOLDERS, CustomMetric, Label, filled
from tidegate.core.catalogue.model import (
    PROMETHEUS,
    Derive,
    Direction,
    Kind,
    Labels,
    Metric,
    Resource,
    Source,
    Value,
)
from tidegate.core.catalogue.table import BY_ID, CATALOGUE

__all__ = [
    "BY_ID",
    "CATALOGUE",
    "PLACEHOLDERS",
    "PROMETHEUS",
    "CustomMetric",
    "Derive",
    "Direction",
    "Kind",
    "Label",
    "Labels",
    "Metric",
    "Resource",
    "Source",
    "Value",
    "filled",
]
