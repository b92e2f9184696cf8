resource "google_service_account" "guard" {
  project      = var.project
  account_id   = "${local.short}-guard-${local.hash}"
  display_name = "Guard of ${var.service} (${var.region})"
}

resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${local.short}-cron-${local.hash}"
  display_name = "Starts the guard of ${var.service} (${var.region})"
}

resource "google_project_iam_member" "metrics" {
  project = var.project
  role    = "roles/monitoring.viewer"
  member  = local.member
}

# To look is to read this one service; to roll back is to write it, and to act as the account it runs as.
resource "google_cloud_run_v2_service_iam_member" "guard" {
  project  = var.project
  location = var.region
  name     = var.service
  role     = var.rollback ? "roles/run.developer" : "roles/run.viewer"
  member   = local.member
}

resource "google_service_account_iam_member" "act_as" {
  count = var.rollback && var.service_account_email != "" ? 1 : 0

  service_account_id = "projects/${local.account_project}/serviceAccounts/${var.service_account_email}"
  role               = "roles/iam.serviceAccountUser"
  member             = local.member
}

locals {
  account_project = try(regex("@([^.]+)\\.iam\\.gserviceaccount\\.com$", var.service_account_email)[0], var.project)
}

resource "google_secret_manager_secret_iam_member" "webhooks" {
  count = var.webhooks.secret == "" ? 0 : 1

  project   = try(regex("^projects/([^/]+)/", var.webhooks.secret)[0], var.project)
  secret_id = basename(var.webhooks.secret)
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${local.scheduler_mail}"
}
