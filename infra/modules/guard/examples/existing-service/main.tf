# A guard for a service that tidegate deploys, from a configuration of one's own. It may roll back.

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
  region  = "europe-west1"
}

# Stands for the service; with tidegate it is there already.
resource "google_service_account" "orders" {
  account_id = "orders-runtime"
}

# tidegate:ignore TG110,TG126 it only stands for a service that is there
resource "google_cloud_run_v2_service" "orders" {
  name     = "orders"
  location = "europe-west1"

  template {
    service_account = google_service_account.orders.email

    # tidegate:ignore TG107,TG108 it only stands for a service that is there
    containers {
      image = "europe-west1-docker.pkg.dev/shop-prod/apps/orders:1.4.2"
    }
  }

  lifecycle {
    ignore_changes = [traffic, client, client_version]
  }
}

module "guard" {
  source = "../.."

  project = "shop-prod"
  region  = "europe-west1"
  service = google_cloud_run_v2_service.orders.name
  image   = "europe-west1-docker.pkg.dev/shop-prod/tools/tidegate:1.0.0"

  rollback              = true
  service_account_email = google_service_account.orders.email

  schedule = { cron = "*/30 * * * *", time_zone = "Europe/Zurich" }
  watch    = { window_seconds = 14400, until_seconds = 172800 }
}

output "job" {
  description = "Full name of the job."
  value       = module.guard.job
}
