locals {
  own_accounts = length(var.runtime_accounts) == 0

  # What every deployment does: services with their invokers and jobs, images, secrets of the collector, alert
  # policies with dashboards, channels and objectives, metrics of the log, schedules of guards.
  always = [
    "roles/artifactregistry.reader",
    "roles/cloudscheduler.admin",
    "roles/logging.configWriter",
    "roles/monitoring.alertPolicyEditor",
    "roles/monitoring.dashboardEditor",
    "roles/monitoring.notificationChannelEditor",
    "roles/monitoring.servicesEditor",
    "roles/monitoring.viewer",
    "roles/run.admin",
    "roles/secretmanager.admin",
  ]

  # Only to make accounts of their own for services and guards, and to run services as them.
  for_own_accounts = ["roles/iam.serviceAccountCreator", "roles/iam.serviceAccountUser"]

  roles = toset(concat(local.always, local.own_accounts ? local.for_own_accounts : [], tolist(var.roles)))
}

resource "google_service_account" "deployer" {
  project      = var.project
  account_id   = var.deployer
  display_name = "Deploys with tidegate"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "deployer" {
  for_each = local.roles

  project = var.project
  role    = each.key
  member  = "serviceAccount:${google_service_account.deployer.email}"
}

# Accounts that are made need roles on the project. Without the condition this would be the right to everything.
resource "google_project_iam_member" "grants" {
  count = local.own_accounts ? 1 : 0

  project = var.project
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = "serviceAccount:${google_service_account.deployer.email}"

  condition {
    title       = "tidegate-grants"
    description = "Only the roles that services and guards get."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", [for role in sort(tolist(var.grantable_roles)) : "'${role}'"])}])"
  }
}

resource "google_service_account_iam_member" "act_as" {
  for_each = var.runtime_accounts

  service_account_id = "projects/${var.project}/serviceAccounts/${each.key}"
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${google_service_account.deployer.email}"
}

resource "google_storage_bucket_iam_member" "state" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${google_service_account.deployer.email}"
}
