resource "google_project_service" "run" {
  service = "run.googleapis.com"
}
