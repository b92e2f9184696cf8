# A service, its callers and its alerts as one would like to find them. No rule has anything to say.
terraform {
  required_version = ">= 1.6"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.44"
    }
  }
}

resource "google_service_account" "orders" {
  project    = "shop-prod"
  account_id = "orders"
}

resource "google_cloud_run_v2_service" "orders" {
  project  = "shop-prod"
  location = "europe-west1"
  name     = "orders"
  ingress  = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  labels   = { owner = "checkout", service = "orders" }

  template {
    service_account                  = google_service_account.orders.email
    timeout                          = "60s"
    max_instance_request_concurrency = 80

    scaling {
      min_instance_count = 1
      max_instance_count = 20
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = "shop"
        subnetwork = "shop-run"
      }
    }

    containers {
      name  = "app"
      image = "europe-west1-docker.pkg.dev/shop-prod/apps/orders@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle = false
        limits   = { cpu = "1", memory = "512Mi" }
      }

      env {
        name  = "LOG_LEVEL"
        value = "info"
      }

      env {
        name = "DB_PASSWORD"

        value_source {
          secret_key_ref {
            secret  = "orders-db"
            version = "3"
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 60

        http_get {
          path = "/ready"
        }
      }

      liveness_probe {
        http_get {
          path = "/live"
        }
      }
    }

    containers {
      name       = "collector"
      image      = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
      depends_on = ["app"]

      resources {
        cpu_idle = false
        limits   = { cpu = "1", memory = "512Mi" }
      }
    }

    volumes {
      name = "scratch"

      empty_dir {
        medium     = "MEMORY"
        size_limit = "64Mi"
      }
    }
  }

  lifecycle {
    ignore_changes = [traffic, client, client_version]
  }
}

resource "google_compute_region_network_endpoint_group" "orders" {
  region                = "europe-west1"
  name                  = "orders"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.orders.name
  }
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  name   = google_cloud_run_v2_service.orders.name
  role   = "roles/run.invoker"
  member = "serviceAccount:gateway@shop-prod.iam.gserviceaccount.com"
}

resource "google_secret_manager_secret_iam_member" "orders" {
  secret_id = "orders-db"
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:orders@shop-prod.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "metrics" {
  project = "shop-prod"
  role    = "roles/monitoring.metricWriter"
  member  = "serviceAccount:orders@shop-prod.iam.gserviceaccount.com"
}

resource "google_monitoring_notification_channel" "oncall" {
  display_name = "orders on call"
  type         = "email"
  labels       = { email_address = "oncall@example.com" }
}

resource "google_monitoring_alert_policy" "errors" {
  display_name          = "orders: 5xx"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = [google_monitoring_notification_channel.oncall.id]

  conditions {
    display_name = "5xx ratio"

    condition_prometheus_query_language {
      duration            = "300s"
      evaluation_interval = "60s"
      query               = <<-EOT
        sum(rate(run_googleapis_com:request_count{monitored_resource="cloud_run_revision",response_code_class="5xx"}[5m]))
        / sum(rate(run_googleapis_com:request_count{monitored_resource="cloud_run_revision"}[5m])) > 0.02
        and sum(rate(run_googleapis_com:request_count{monitored_resource="cloud_run_revision"}[5m])) * 60 >= 6
      EOT
    }
  }

  conditions {
    display_name = "descriptors grow"

    condition_prometheus_query_language {
      query                     = "max by (revision_name) (deriv(process_open_fds{namespace=\"orders\"}[30m])) * 60 > 2"
      duration                  = "300s"
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    content = "Roll back with `tidegate rollback`, then look for the connection that is never closed."
  }

  alert_strategy {
    auto_close = "3600s"
  }
}
