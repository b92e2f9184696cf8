resource "google_cloud_run_v2_service" "this" {
  template {
    volumes {
      name = "cache"
      empty_dir {
        medium     = "MEMORY"
        size_limit = "64Mi"
      }
    }
    volumes {
      name = "files"
      gcs {
        bucket = "shop-files"
      }
    }
  }
}
