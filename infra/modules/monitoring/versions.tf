terraform {
  # Write-only arguments and ephemeral variables, which keep the channels' secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.44"
    }
  }
}
