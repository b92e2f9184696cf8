resource "google_cloud_run_v2_service" "split" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 90
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00042"
    percent  = 10
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00043"
    tag      = "preview"
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = var.percent
  }
}

resource "google_cloud_run_v2_service" "made" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 90
  }
  dynamic "traffic" {
    for_each = var.others
    content {
      type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
      revision = traffic.key
      percent  = traffic.value
    }
  }
}

resource "google_cloud_run_v2_service" "left_to_tidegate" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
}
