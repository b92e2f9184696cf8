resource "google_cloud_run_v2_service" "connector" {
  template {
    vpc_access { # expect TG114
      connector = "projects/p/locations/r/connectors/c"
    }
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      vpc_access { # expect TG114
        network_interfaces {
          network = "default"
        }
      }
    }
  }
}
