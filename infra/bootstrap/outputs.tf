output "deployer" {
  description = "Email of the account that deploys."
  value       = google_service_account.deployer.email
  depends_on  = [google_project_iam_member.deployer, google_project_iam_member.grants]
}

output "state_bucket" {
  description = "Bucket for the states: state: {backend: gcs, bucket: …} in a spec."
  value       = google_storage_bucket.state.name
  depends_on  = [google_storage_bucket_iam_member.state]
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth; empty without GitHub."
  value       = try(google_iam_workload_identity_pool_provider.github[0].name, "")
  depends_on  = [google_service_account_iam_member.github]
}
