locals {
  slo_filter = "resource.type=\"cloud_run_revision\" resource.label.service_name=\"${var.service}\" resource.label.location=\"${var.region}\""
  slo_errors = "metric.type=\"run.googleapis.com/request_count\" ${local.slo_filter}"
  slo_times  = "metric.type=\"run.googleapis.com/request_latencies\" ${local.slo_filter}"
}

resource "google_monitoring_custom_service" "this" {
  count = var.slo.enabled ? 1 : 0

  project      = var.project
  service_id   = "tidegate-${var.service}-${var.region}"
  display_name = "${var.service} (${var.region})"
  user_labels  = local.user_labels

  telemetry {
    resource_name = "//run.googleapis.com/projects/${var.project}/locations/${var.region}/services/${var.service}"
  }
}

resource "google_monitoring_slo" "availability" {
  count = var.slo.enabled ? 1 : 0

  project             = var.project
  service             = google_monitoring_custom_service.this[0].service_id
  slo_id              = "availability"
  display_name        = "${format("%g", 100 * var.slo.availability)} % of requests do not end in a 5xx"
  goal                = var.slo.availability
  rolling_period_days = var.slo.days
  user_labels         = local.user_labels

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = "${local.slo_errors} metric.label.response_code_class=\"5xx\""
      total_service_filter = local.slo_errors
    }
  }
}

resource "google_monitoring_slo" "latency" {
  count = var.slo.enabled ? 1 : 0

  project             = var.project
  service             = google_monitoring_custom_service.this[0].service_id
  slo_id              = "latency"
  display_name        = "${format("%g", 100 * var.slo.latency)} % of requests take at most ${var.slo.latency_seconds} s"
  goal                = var.slo.latency
  rolling_period_days = var.slo.days
  user_labels         = local.user_labels

  request_based_sli {
    distribution_cut {
      distribution_filter = local.slo_times
      range {
        max = 1000 * var.slo.latency_seconds
      }
    }
  }
}
