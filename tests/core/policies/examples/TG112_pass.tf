resource "google_compute_region_network_endpoint_group" "orders" {
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = google_cloud_run_v2_service.orders.name
  }
}

resource "google_cloud_run_v2_service" "orders" {
  ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
}

resource "google_cloud_run_v2_service" "no_address" {
  default_uri_disabled = true
}

resource "google_cloud_run_v2_service" "computed" {
  ingress = var.ingress
}

module "service" {
  source  = "./modules/service"
  ingress = "internal-and-load-balancer"
}
