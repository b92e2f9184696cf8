resource "google_cloud_run_v2_service" "this" {
  template {
    volumes {
      name = "cache"
      empty_dir { # expect TG127
        medium = "MEMORY"
      }
    }
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      volumes {
        name = "cache"
        empty_dir {} # expect TG127
      }
    }
  }
}
