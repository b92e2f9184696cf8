# A service as one does not like to find it. Each fault is told in its own line.
resource "google_cloud_run_v2_service" "orders" { # expect TG113, TG126
  project             = "shop-prod"
  location            = "europe-west1"
  name                = "orders"
  deletion_protection = false # expect TG106

  template {
    revision                         = "orders-42" # expect TG120
    timeout                          = "3600s"     # expect TG124
    session_affinity                 = true        # expect TG125
    max_instance_request_concurrency = 1000        # expect TG117

    scaling {
      min_instance_count = 1
      max_instance_count = 1000 # expect TG116
    }

    vpc_access { # expect TG114
      connector = "projects/shop-prod/locations/europe-west1/connectors/old"
    }

    containers { # expect TG107, TG108
      image = "europe-west1-docker.pkg.dev/shop-prod/apps/orders:latest" # expect TG105

      resources { # expect TG128
        limits = { memory = "512Mi" }
      }

      env {
        name  = "DB_PASSWORD"
        value = "hunter2" # expect TG104
      }

      env {
        name = "API_KEY"

        value_source {
          secret_key_ref {
            secret  = "orders-api"
            version = "latest" # expect TG109
          }
        }
      }
    }

    volumes {
      name = "scratch"

      empty_dir { # expect TG127
        medium = "MEMORY"
      }
    }
  }

  traffic { # expect TG102, TG121
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-41"
    percent  = 80
  }

  traffic { # expect TG103
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 10
  }
}

resource "google_cloud_run_v2_service_iam_member" "everybody" {
  name   = google_cloud_run_v2_service.orders.name
  role   = "roles/run.invoker"
  member = "allUsers" # expect TG101
}

resource "google_monitoring_alert_policy" "full" { # expect TG201, TG202, TG203
  display_name = "orders: it is full"
  combiner     = "OR"

  conditions {
    display_name = "many files"

    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/orders/files\" AND resource.type=\"generic_task\""
      comparison      = "COMPARISON_GT"
      duration        = "0s"
      threshold_value = 60000
    }
  }

  conditions {
    display_name = "errors"

    condition_prometheus_query_language {
      query = "sum(rate(run_googleapis_com:request_count{response_code_class=\"5xx\"}[5m])) / sum(rate(run_googleapis_com:request_count[5m])) > 0.01" # expect TG204, TG205
    }
  }
}

resource "google_monitoring_alert_policy" "descriptors" { # expect TG201, TG202, TG203
  display_name = "orders: descriptors"
  combiner     = "OR"

  conditions {
    display_name = "descriptors"

    condition_threshold {
      filter          = "metric.type=\"prometheus.googleapis.com/process_open_fds/gauge\" AND resource.type=\"prometheus_target\""
      comparison      = "COMPARISON_GT"
      duration        = "0s"
      threshold_value = 60000 # expect TG206
    }
  }
}
