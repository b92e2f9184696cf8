resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query                     = "process_open_fds > 20000"
      disable_metric_validation = true
    }
  }
  conditions {
    display_name = "of Cloud Run, which is always there"
    condition_prometheus_query_language {
      query = "sum(run_googleapis_com:container_instance_count{monitored_resource=\"cloud_run_revision\"}) > 5"
    }
  }
  conditions {
    display_name = "computed"
    condition_prometheus_query_language {
      query = var.query
    }
  }
}
