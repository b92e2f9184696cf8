resource "google_cloud_run_v2_service" "own" {
  template {
    service_account = "orders@shop-prod.iam.gserviceaccount.com"
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    service_account = google_service_account.orders.email
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      service_account = google_service_account.nightly.email
    }
  }
}

module "service" {
  source                = "./modules/service"
  service_account_email = ""
}
