resource "google_cloud_run_v2_service" "none" { # expect TG126
}

resource "google_cloud_run_v2_job" "empty" {
  labels = {} # expect TG126
}
