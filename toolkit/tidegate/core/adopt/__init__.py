"""What a plan would create and what exists already: how to tell, how it is taken over, what that costs.

The flow reads (`Look`), the rest is decided here.
"""

from tidegate.core.adopt.existing import Existing, spec_of
from tidegate.core.adopt.imports import Creation, creations, import_blocks
from tidegate.core.adopt.kinds import KINDS, Answer, Kind, Look, doubles, policies_of
from tidegate.core.adopt.losses import losses
from tidegate.core.adopt.neighbours import moves, rename_note, renames, settle_note, settled_elsewhere
from tidegate.core.adopt.wording import adopting, double_note

__all__ = [
    "KINDS",
    "Answer",
    "Creation",
    "Existing",
    "Kind",
    "Look",
    "adopting",
    "creations",
    "double_note",
    "doubles",
    "import_blocks",
    "losses",
    "moves",
    "policies_of",
    "rename_note",
    "renames",
    "settle_note",
    "settled_elsewhere",
    "spec_of",
]
