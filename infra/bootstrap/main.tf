locals {
  apis = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
  ], tolist(var.apis)))

  bucket = var.state.bucket == "" ? "${var.project}-tidegate-state" : var.state.bucket
}

resource "google_project_service" "this" {
  for_each = local.apis

  project = var.project
  service = each.key

  # Others may use them as well.
  disable_on_destroy = false
}

resource "google_storage_bucket" "state" {
  project                     = var.project
  name                        = local.bucket
  location                    = upper(var.location)
  storage_class               = "STANDARD"
  force_destroy               = false
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  labels                      = var.labels

  versioning {
    enabled = true
  }

  # A version goes when it is both old and one of many: a state nobody has written for a year keeps its past.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_noncurrent_time = var.state.keep_days
      num_newer_versions         = var.state.keep_versions
      with_state                 = "ARCHIVED"
    }
  }

  depends_on = [google_project_service.this]
}
