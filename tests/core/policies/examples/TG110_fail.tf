resource "google_cloud_run_v2_service" "bare" { # expect TG110
}

resource "google_cloud_run_v2_service" "only_the_least" { # expect TG110
  template {
    scaling {
      min_instance_count = 1
    }
  }
}
