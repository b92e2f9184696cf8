locals {
  own_account           = var.service_account_email == ""
  service_account_email = local.own_account ? google_service_account.runtime[0].email : var.service_account_email

  # An account id has at most 30 characters and belongs to a project, a service to a region: the hash keeps
  # services of one name in two regions, and long names with the same beginning, apart.
  account_id = "${trimsuffix(substr(var.name, 0, 21), "-")}-${substr(sha256("${var.region}/${var.name}"), 0, 6)}"

  secrets = toset(concat(
    flatten([for c in var.containers : [for s in c.secrets : s.secret]]),
    [for v in var.volumes : v.secret.secret if v.secret != null],
  ))

  # By the name of the volume, so that a bucket may be made in the same apply.
  buckets = { for name, v in var.volumes : name => v.bucket if v.bucket != null }

  # The project of each instance; a project of a domain has a colon of its own.
  sql_projects = toset([for name in var.cloud_sql : regex("^(.+):[^:]+:[^:]+$", name)[0]])
}

resource "google_service_account" "runtime" {
  count = local.own_account ? 1 : 0

  project      = var.project
  account_id   = local.account_id
  display_name = "Cloud Run service ${var.name} (${var.region})"
}

resource "google_project_iam_member" "telemetry" {
  for_each = local.own_account ? toset(["roles/logging.logWriter", "roles/monitoring.metricWriter"]) : toset([])

  project = var.project
  role    = each.key
  member  = "serviceAccount:${local.service_account_email}"
}

resource "google_secret_manager_secret_iam_member" "environment" {
  for_each = local.own_account ? local.secrets : toset([])

  project   = try(regex("^projects/([^/]+)/", each.key)[0], var.project)
  secret_id = basename(each.key)
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${local.service_account_email}"
}

resource "google_project_iam_member" "cloud_sql" {
  for_each = local.own_account ? local.sql_projects : toset([])

  project = each.key
  role    = "roles/cloudsql.client"
  member  = "serviceAccount:${local.service_account_email}"
}

resource "google_project_iam_member" "roles" {
  for_each = local.own_account ? var.roles : toset([])

  project = var.project
  role    = each.key
  member  = "serviceAccount:${local.service_account_email}"
}

resource "google_storage_bucket_iam_member" "volumes" {
  for_each = local.own_account ? local.buckets : {}

  bucket = each.value.name
  role   = each.value.read_only ? "roles/storage.objectViewer" : "roles/storage.objectUser"
  member = "serviceAccount:${local.service_account_email}"
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = each.key
}
