output "job" {
  description = "Full name of the job: projects/PROJECT/locations/REGION/jobs/NAME."
  value       = google_cloud_run_v2_job.this.id
  depends_on  = [google_cloud_scheduler_job.this]
}

output "service_account_email" {
  description = "Account that looks, and rolls back where that is allowed."
  value       = google_service_account.guard.email
  depends_on  = [google_cloud_run_v2_job.this]
}
