resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "latency"
    condition_threshold {
      filter = "metric.type=\"run.googleapis.com/request_latencies\""
      aggregations {
        per_series_aligner   = "ALIGN_PERCENTILE_99"
        cross_series_reducer = "REDUCE_MEAN" # expect TG209
      }
    }
  }
  conditions {
    display_name = "again"
    condition_prometheus_query_language {
      query = "avg by (revision_name) (histogram_quantile(0.99, rate(latencies_bucket[5m]))) > 2" # expect TG209
    }
  }
}
