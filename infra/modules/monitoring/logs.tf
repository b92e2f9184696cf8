# The process says itself that it has run out of descriptors: no exporter and no collector are needed for it.
resource "google_logging_metric" "fd_errors" {
  count = contains(keys(local.alerts), "fd_errors") ? 1 : 0

  project     = var.project
  name        = local.fd_errors_metric
  description = "Log lines of ${var.service} in ${var.region} that say that file descriptors have run out."
  filter      = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name="${var.service}"
    resource.labels.location="${var.region}"
    ("too many open files" OR "EMFILE")
  EOT

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}
