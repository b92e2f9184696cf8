"""HCL text → blocks and values, each with its place. The only package that knows python-hcl2.

Plain literals become Python values. Whatever Terraform would have to compute is an `Expression`, so nobody
takes it for a literal. Values and blocks keep the place (file, line, column) they were written at.
"""

from tidegate.core.document.model import (
    Block,
    Comment,
    Document,
    Expression,
    Node,
    Object,
    Place,
    Value,
    plain,
)
from tidegate.core.document.own import MADE_BY_OWN, own_module
from tidegate.core.document.read import MAX_BYTES, parse, parse_all, parse_each

__all__ = [
    "MADE_BY_OWN",
    "MAX_BYTES",
    "Block",
    "Comment",
    "Document",
    "Expression",
    "Node",
    "Object",
    "Place",
    "Value",
    "own_module",
    "parse",
    "parse_all",
    "parse_each",
    "plain",
]
