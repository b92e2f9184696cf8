resource "google_cloud_run_v2_service" "none" { # expect TG113
  template {
    scaling {
      max_instance_count = 3
    }
  }
}

resource "google_cloud_run_v2_service" "default" {
  template {
    service_account = "123456-compute@developer.gserviceaccount.com" # expect TG113
  }
}

resource "google_cloud_run_v2_job" "nightly" { # expect TG113
  template {
    template {
      service_account = null
    }
  }
}

module "service" {
  source                = "./modules/service"
  service_account_email = "123456-compute@developer.gserviceaccount.com" # expect TG113
}
