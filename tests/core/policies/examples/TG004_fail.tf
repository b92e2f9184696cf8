resource "google_project_service" "run" {
  service = "run.googleapis.com"
  service = "monitoring.googleapis.com" # expect TG004
}

resource "google_project_service" "logging" {
  service = "logging.googleapis.com" disable_on_destroy = false # expect TG004
}
