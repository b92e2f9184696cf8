output "alert_policies" {
  description = "Full names of the alert policies by kind."
  value       = { for kind, policy in google_monitoring_alert_policy.this : kind => policy.name }
}

output "dashboard" {
  description = "Full name of the dashboard, or null."
  value       = one(google_monitoring_dashboard.this[*].id)
}

output "notification_channels" {
  description = "Full names of all channels the policies notify."
  value       = local.channels
  depends_on  = [google_monitoring_alert_policy.this]
}
