"""A Terraform plan read by a program: what it does, and what in it must not be applied unasked."""

from tidegate.core.plan.differences import SENSITIVE, UNKNOWN, Attribute
from tidegate.core.plan.fingerprint import fingerprint
from tidegate.core.plan.gate import PROTECTED, PROTECTED_FAMILIES, refusals
from tidegate.core.plan.secrets import secrets_in_plan
from tidegate.core.plan.summary import Action, Change, OutputChange, PlanSummary, summarize

__all__ = [
    "PROTECTED",
    "PROTECTED_FAMILIES",
    "SENSITIVE",
    "UNKNOWN",
    "Action",
    "Attribute",
    "Change",
    "OutputChange",
    "PlanSummary",
    "fingerprint",
    "refusals",
    "secrets_in_plan",
    "summarize",
]
