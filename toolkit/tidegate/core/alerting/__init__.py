"""The alerts of a spec as rules that Prometheus can run: what is asked, and what is promised of it."""

from tidegate.core.alerting.rule import Rule, Rules

__all__ = ["Rule", "Rules"]
