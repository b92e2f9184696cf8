"""Revisions as real processes: launching, probing, scaling, stopping, and leaving nothing behind."""

from tidegate.local.runtime.fleet import Backing, Fleet
from tidegate.local.runtime.instance import Instance, State
from tidegate.local.runtime.pool import NoInstance, Pool
from tidegate.local.runtime.settings import Settings, is_collector

__all__ = ["Backing", "Fleet", "Instance", "NoInstance", "Pool", "Settings", "State", "is_collector"]
