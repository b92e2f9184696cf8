resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "many"
    condition_prometheus_query_language {
      query = "sum(run_googleapis_com:container_instance_count{monitored_resource=\"cloud_run_revision\"}) > 5"
    }
  }
  conditions {
    display_name = "own"
    condition_prometheus_query_language {
      query = "process_open_fds > 20000"
    }
  }
  conditions {
    display_name = "computed"
    condition_prometheus_query_language {
      query = "run_googleapis_com:request_count{${local.labels}} > 1"
    }
  }
}
