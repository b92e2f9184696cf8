# A project whose services are deployed from two repositories on GitHub, from their main branch only.

terraform {
  required_version = ">= 1.6"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.44"
    }
  }
}

provider "google" {
  project = "shop-prod"
}

module "bootstrap" {
  source = "../.."

  project  = "shop-prod"
  location = "europe-west1"

  github = {
    owner_id     = "9919"
    repositories = ["example/orders", "example/stock"]
    refs         = ["refs/heads/main"]
  }

  apis   = ["sqladmin.googleapis.com"]
  labels = { purpose = "terraform-state" }
}

output "deployer" {
  description = "Email of the account that deploys."
  value       = module.bootstrap.deployer
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth."
  value       = module.bootstrap.workload_identity_provider
}
