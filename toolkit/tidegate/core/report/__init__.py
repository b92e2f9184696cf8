"""Record and evidence → what people and scripts read about an ended rollout."""

from tidegate.core.report.model import Report, summary, why
from tidegate.core.report.plain import markdown, table, text

__all__ = ["Report", "markdown", "summary", "table", "text", "why"]
