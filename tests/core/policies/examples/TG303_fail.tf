resource "google_secret_manager_secret_iam_member" "anybody" {
  role   = "roles/secretmanager.secretAccessor"
  member = "allAuthenticatedUsers" # expect TG303
}

resource "google_artifact_registry_repository_iam_binding" "readers" {
  role    = "roles/artifactregistry.reader"
  members = ["group:staff@example.com", "allUsers"] # expect TG303
}
