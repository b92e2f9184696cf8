"""Terraform (or OpenTofu) as a subprocess: found, run, listened to, and never left behind."""

from tidegate.adapters.terraform.adapter import TerraformCli
from tidegate.adapters.terraform.find import Candidate, candidates, find
from tidegate.adapters.terraform.run import ProcessRunner

__all__ = ["Candidate", "ProcessRunner", "TerraformCli", "candidates", "find"]
