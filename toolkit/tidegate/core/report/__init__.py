"""Record and evidence → what people and scripts read about an ended rollout."""

from tidegate.core.report.model import Report, summary, why
from tidegate.core.report.page import TEMPLATE, page
from tidegate.core.report.plain import markdown, table, text

__all__ = ["TEMPLATE", "Report", "markdown", "page", "summary", "table", "text", "why"]
