resource "google_monitoring_alert_policy" "guarded" {
  conditions {
    display_name = "5xx"
    condition_prometheus_query_language {
      query = <<-EOT
        sum(rate(errors{path="/and"}[5m])) / sum(rate(requests[5m])) > 0.05
        and sum(rate(requests[5m])) * 60 >= 6
      EOT
    }
  }
  conditions {
    display_name = "no count below"
    condition_prometheus_query_language {
      query = "process_open_fds{path=\"a/b\"} / process_max_fds > 0.8"
    }
  }
  conditions {
    display_name = "a unit"
    condition_prometheus_query_language {
      query = "sum(rate(latency_sum[5m])) / 1000 > 2"
    }
  }
  conditions {
    display_name = "computed"
    condition_prometheus_query_language {
      query = local.query
    }
  }
}
