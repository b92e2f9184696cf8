resource "google_project_iam_member" "developer" {
  role   = "roles/run.developer"
  member = "group:staff@example.com"
}

resource "google_cloud_run_v2_service_iam_binding" "callers" {
  role    = "roles/run.invoker"
  members = ["group:staff@example.com"]
}
