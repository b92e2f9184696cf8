output "alert_policies" {
  description = "Full names of the alert policies by kind."
  value       = { for kind, policy in google_monitoring_alert_policy.this : kind => policy.name }
}

output "alerts" {
  description = "The alerts by kind: title, when they fire, topic, PromQL query, severity, seconds for which the query must hold."
  value       = local.alerts
}

output "dashboard" {
  description = "Full name of the dashboard, or null."
  value       = one(google_monitoring_dashboard.this[*].id)
}

output "log_metric" {
  description = "Name of the metric that counts log lines about file descriptors that have run out, or null."
  value       = one(google_logging_metric.fd_errors[*].name)
}

output "notification_channels" {
  description = "Full names of all channels the policies notify."
  value       = local.channels
  depends_on  = [google_monitoring_alert_policy.this]
}

output "objectives" {
  description = "Full names of the service level objectives, availability and latency, or null."
  value = {
    availability = one(google_monitoring_slo.availability[*].name)
    latency      = one(google_monitoring_slo.latency[*].name)
  }
}
