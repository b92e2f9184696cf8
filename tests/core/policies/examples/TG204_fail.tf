resource "google_monitoring_alert_policy" "errors" {
  conditions {
    display_name = "5xx"
    condition_prometheus_query_language {
      query = <<-EOT
        sum(rate(run_googleapis_com:request_count{monitored_resource="cloud_run_revision",response_code_class="5xx"}[5m]))
        / sum(rate(run_googleapis_com:request_count{monitored_resource="cloud_run_revision"}[5m])) > 0.05
      EOT
      # expect TG204 4 above
    }
  }
}
