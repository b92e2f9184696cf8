resource "google_compute_region_network_endpoint_group" "orders" {
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = google_cloud_run_v2_service.orders.name
  }
}

resource "google_cloud_run_v2_service" "orders" { # expect TG112
}

resource "google_cloud_run_v2_service" "said" {
  ingress = "INGRESS_TRAFFIC_ALL" # expect TG112
}

module "service" {
  source  = "./modules/service"
  ingress = "all" # expect TG112
}
