module "service" {
  source = "./modules/service"
}

resource "google_cloud_run_v2_service" "limited" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
}

resource "google_cloud_run_v2_service" "of_the_service" {
  scaling {
    max_instance_count = var.max
  }
}

resource "google_cloud_run_v2_service" "by_hand" {
  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = 2
  }
}

resource "google_cloud_run_v2_service" "dynamic" {
  template {
    dynamic "scaling" {
      for_each = var.scaling
      content {}
    }
  }
}

resource "google_cloud_run_service" "first_generation" {
}
