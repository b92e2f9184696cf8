resource "google_cloud_run_v2_service" "all" {
  template {
    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network = "default"
      }
    }
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    vpc_access {
      egress = var.egress
    }
  }
}

resource "google_cloud_run_v2_service" "outside" {
  template {}
}
