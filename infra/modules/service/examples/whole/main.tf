# A service with a helper beside it, files from a bucket, a database, and a way into a VPC.

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

resource "google_storage_bucket" "media" {
  name                        = "shop-prod-media"
  location                    = "EUROPE-WEST1"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

resource "google_secret_manager_secret" "key" {
  secret_id = "orders-key"

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "key" {
  secret      = google_secret_manager_secret.key.id
  secret_data = "an example, not a key"
}

module "orders" {
  source = "../.."

  name        = "orders"
  description = "Takes orders"
  project     = "shop-prod"
  region      = "europe-west1"

  containers = {
    app = {
      image  = "europe-west1-docker.pkg.dev/shop-prod/apps/orders:1.4.2"
      port   = 8080
      cpu    = "2"
      memory = "1Gi"
      env    = { CACHE = "/scratch/cache" }
      mounts = {
        certificates = "/etc/orders"
        media        = "/srv/media"
        scratch      = "/scratch"
      }

      startup_cpu_boost = true
      startup_probe = {
        http           = { path = "/healthz" }
        period_seconds = 5
      }
      liveness_probe = {
        http           = { path = "/alive" }
        period_seconds = 30
      }
    }

    resizer = {
      image      = "europe-west1-docker.pkg.dev/shop-prod/apps/resizer:2.0.1"
      depends_on = ["app"]
      mounts     = { scratch = "/scratch" }
    }
  }

  volumes = {
    certificates = { secret = { secret = google_secret_manager_secret.key.secret_id, files = { "key.pem" = google_secret_manager_secret_version.key.version } } }
    media        = { bucket = { name = google_storage_bucket.media.name, read_only = false } }
    scratch      = { memory = { size = "256Mi" } }
  }

  cloud_sql = ["shop-prod:europe-west1:orders"]

  vpc = {
    network    = "shop"
    subnetwork = "run"
    tags       = ["orders"]
  }

  scaling = {
    max_instances = 20
    concurrency   = 40
    service       = { min_instances = 1 }
  }

  execution_environment = "gen2"
  ingress               = "internal-and-load-balancer"
  invokers              = ["serviceAccount:web@shop-prod.iam.gserviceaccount.com"]
  labels                = { team = "orders" }
}

output "uri" {
  description = "Address of the service."
  value       = module.orders.uri
}
