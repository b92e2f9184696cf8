resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "merged"
    condition_threshold {
      filter = "metric.type=\"run.googleapis.com/request_latencies\""
      aggregations {
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_99"
      }
    }
  }
  conditions {
    display_name = "the worst of them"
    condition_threshold {
      filter = "metric.type=\"run.googleapis.com/request_latencies\""
      aggregations {
        per_series_aligner   = "ALIGN_PERCENTILE_99"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }
  conditions {
    display_name = "in PromQL"
    condition_prometheus_query_language {
      query = "histogram_quantile(0.99, sum by (le) (rate(latencies_bucket[5m]))) > 2"
    }
  }
}
