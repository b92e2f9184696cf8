"""Findings as other programs read them: SARIF 2.1.0, JUnit XML, annotations of GitHub."""

from tidegate.core.policies.formats.github import github
from tidegate.core.policies.formats.junit import junit
from tidegate.core.policies.formats.sarif import sarif

__all__ = ["github", "junit", "sarif"]
