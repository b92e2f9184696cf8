locals {
  collector_name = "collector"
  collector_config = {
    apiVersion = "monitoring.googleapis.com/v1beta"
    kind       = "RunMonitoring"
    metadata   = { name = var.name }
    spec = {
      endpoints = concat(
        [{
          port     = coalesce(var.collector.port, local.ingress_port)
          path     = var.collector.path
          interval = "${var.collector.interval_seconds}s"
        }],
        # `tidegate collect` in a container beside the service answers where this variable tells it to.
        [for c in values(var.containers) : {
          port     = tonumber(c.env["TIDEGATE_COLLECT_PORT"])
          path     = "/metrics"
          interval = "${var.collector.interval_seconds}s"
        } if contains(keys(c.env), "TIDEGATE_COLLECT_PORT")],
      )
      targetLabels = { metadata = ["instance", "revision", "service", "configuration"] }
    }
  }
}

resource "google_secret_manager_secret" "collector" {
  count = var.collector.enabled ? 1 : 0

  project   = var.project
  secret_id = "${var.name}-${var.region}-collector"
  labels    = var.labels

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "collector" {
  count = var.collector.enabled ? 1 : 0

  secret      = google_secret_manager_secret.collector[0].id
  secret_data = yamlencode(local.collector_config)

  # Earlier revisions mount earlier versions: destroying one would break the revision a rollback goes to.
  deletion_policy = "ABANDON"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "collector" {
  count = var.collector.enabled ? 1 : 0

  project   = var.project
  secret_id = google_secret_manager_secret.collector[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${local.service_account_email}"
}
