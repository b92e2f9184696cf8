output "id" {
  description = "Full name: projects/PROJECT/locations/REGION/services/NAME."
  value       = google_cloud_run_v2_service.this.id
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}

output "latest_created_revision" {
  description = "Full name of the revision made last, ready or not. After an apply that changes the service Terraform still gives the one before: read the service instead."
  value       = google_cloud_run_v2_service.this.latest_created_revision
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}

output "latest_ready_revision" {
  description = "Full name of the last revision that started. It lags by one apply like latest_created_revision."
  value       = google_cloud_run_v2_service.this.latest_ready_revision
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}

output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.this.name
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}

output "service_account_email" {
  description = "Account the containers run as."
  value       = local.service_account_email
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}

output "uri" {
  description = "Address of the service."
  value       = google_cloud_run_v2_service.this.uri
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}
