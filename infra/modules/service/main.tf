locals {
  ingress_name = one(concat([for name, c in var.containers : name if c.port != null], length(var.containers) == 1 ? [for name, c in var.containers : name if c.port == null] : []))
  ingress_port = coalesce(var.containers[local.ingress_name].port, 8080)

  # The startup probe Cloud Run would add by itself, looked at every second: the collector may only depend on
  # a container whose probe is written down.
  startup_default = {
    http                  = null
    tcp                   = { port = local.ingress_port }
    initial_delay_seconds = 0
    period_seconds        = 1
    timeout_seconds       = 1
    failure_threshold     = 240
  }

  containers = {
    for name, c in var.containers : name => {
      port    = name == local.ingress_name ? local.ingress_port : null
      startup = c.startup_probe != null ? c.startup_probe : name == local.ingress_name ? local.startup_default : null
    }
  }

  ingress = {
    all                        = "INGRESS_TRAFFIC_ALL"
    internal                   = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    internal-and-load-balancer = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }

  cpu = {
    for name, c in var.containers : name =>
    endswith(c.cpu, "m") ? tonumber(trimsuffix(c.cpu, "m")) / 1000 : tonumber(c.cpu)
  }
  memory_mib = {
    for name, c in var.containers : name => tonumber(regex("^[0-9]+", c.memory)) * {
      "" = 1 / 1048576, k = 1000 / 1048576, M = 1000000 / 1048576, G = 1000000000 / 1048576, Ki = 1 / 1024, Mi = 1, Gi = 1024
    }[regex("[A-Za-z]*$", c.memory)]
  }
  # Least and most memory in MiB by number of CPUs.
  memory_limits = { "1" = [0, 4096], "2" = [0, 8192], "4" = [2048, 16384], "6" = [4096, 24576], "8" = [4096, 32768] }
}

resource "google_cloud_run_v2_service" "this" {
  project             = var.project
  location            = var.region
  name                = var.name
  ingress             = local.ingress[var.ingress]
  labels              = var.labels
  deletion_protection = var.deletion_protection

  template {
    service_account                  = local.service_account_email
    timeout                          = "${var.timeout_seconds}s"
    max_instance_request_concurrency = var.scaling.concurrency

    scaling {
      min_instance_count = var.scaling.min_instances
      max_instance_count = var.scaling.max_instances
    }

    dynamic "containers" {
      for_each = var.containers

      content {
        name       = containers.key
        image      = containers.value.image
        command    = containers.value.command
        args       = containers.value.args
        depends_on = containers.value.depends_on

        dynamic "ports" {
          for_each = local.containers[containers.key].port == null ? [] : [local.containers[containers.key].port]

          content {
            container_port = ports.value
          }
        }

        resources {
          cpu_idle          = var.billing == "request"
          startup_cpu_boost = containers.value.startup_cpu_boost
          limits = {
            cpu    = containers.value.cpu
            memory = containers.value.memory
          }
        }

        dynamic "env" {
          for_each = containers.value.env

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = containers.value.secrets

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = env.value.secret
                version = env.value.version
              }
            }
          }
        }

        dynamic "startup_probe" {
          for_each = local.containers[containers.key].startup == null ? [] : [local.containers[containers.key].startup]

          content {
            initial_delay_seconds = startup_probe.value.initial_delay_seconds
            period_seconds        = startup_probe.value.period_seconds
            timeout_seconds       = startup_probe.value.timeout_seconds
            failure_threshold     = startup_probe.value.failure_threshold

            dynamic "http_get" {
              for_each = startup_probe.value.http == null ? [] : [startup_probe.value.http]

              content {
                path = http_get.value.path
                port = http_get.value.port == null ? local.containers[containers.key].port : http_get.value.port
              }
            }

            dynamic "tcp_socket" {
              for_each = startup_probe.value.tcp == null ? [] : [startup_probe.value.tcp]

              content {
                port = tcp_socket.value.port == null ? local.containers[containers.key].port : tcp_socket.value.port
              }
            }
          }
        }

        dynamic "liveness_probe" {
          for_each = containers.value.liveness_probe == null ? [] : [containers.value.liveness_probe]

          content {
            initial_delay_seconds = liveness_probe.value.initial_delay_seconds
            period_seconds        = liveness_probe.value.period_seconds
            timeout_seconds       = liveness_probe.value.timeout_seconds
            failure_threshold     = liveness_probe.value.failure_threshold

            dynamic "http_get" {
              for_each = liveness_probe.value.http == null ? [] : [liveness_probe.value.http]

              content {
                path = http_get.value.path
                port = http_get.value.port == null ? local.containers[containers.key].port : http_get.value.port
              }
            }

            dynamic "tcp_socket" {
              for_each = liveness_probe.value.tcp == null ? [] : [liveness_probe.value.tcp]

              content {
                port = tcp_socket.value.port == null ? local.containers[containers.key].port : tcp_socket.value.port
              }
            }
          }
        }
      }
    }

    dynamic "containers" {
      for_each = var.collector.enabled ? [var.collector] : []

      content {
        name       = local.collector_name
        image      = containers.value.image
        depends_on = [local.ingress_name]

        resources {
          cpu_idle = var.billing == "request"
          limits = {
            cpu    = containers.value.cpu
            memory = containers.value.memory
          }
        }

        liveness_probe {
          period_seconds  = 30
          timeout_seconds = 30

          http_get {
            path = "/liveness"
            port = 13133
          }
        }

        volume_mounts {
          name       = "collector-config"
          mount_path = "/etc/rungmp"
        }
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret_version.collector

      content {
        name = "collector-config"

        secret {
          secret = google_secret_manager_secret.collector[0].secret_id

          items {
            path    = "config.yaml"
            version = volumes.value.version
          }
        }
      }
    }
  }

  lifecycle {
    # The rollout moves the traffic and writes its record beside it; gcloud signs with its own client.
    ignore_changes = [traffic, client, client_version]

    precondition {
      condition     = var.allow_public || length(setintersection(var.invokers, ["allUsers", "allAuthenticatedUsers"])) == 0
      error_message = "The invokers open the service ${var.name} to everybody; set allow_public = true if that is meant."
    }

    precondition {
      condition     = !var.collector.enabled || !contains(keys(var.containers), local.collector_name)
      error_message = "The container name \"${local.collector_name}\" is taken by the sidecar; rename the container or set collector.enabled = false."
    }

    precondition {
      condition     = !var.collector.enabled || length(var.containers) < 10
      error_message = "A service has at most 10 containers, the collector included."
    }

    precondition {
      condition     = alltrue([for cpu in local.cpu : cpu >= 1 || (var.scaling.concurrency == 1 && var.billing == "request")])
      error_message = "Less than 1 CPU needs concurrency = 1 and billing = \"request\"."
    }

    precondition {
      condition     = alltrue([for cpu in local.cpu : cpu >= 0.08 && (cpu < 1 || contains(keys(local.memory_limits), tostring(cpu)))])
      error_message = "The cpu must be 0.08 to 1, or 1, 2, 4, 6 or 8."
    }

    precondition {
      condition = alltrue([for name, mib in local.memory_mib : local.cpu[name] < 1 ? mib <= (local.cpu[name] < 0.5 ? 512 : 1024) : try(
        mib >= local.memory_limits[tostring(local.cpu[name])][0] && mib <= local.memory_limits[tostring(local.cpu[name])][1], true
      )])
      error_message = "The memory does not fit the cpu: 1 takes up to 4Gi, 2 up to 8Gi, 4 from 2Gi to 16Gi, 6 from 4Gi to 24Gi, 8 from 4Gi to 32Gi, less than 0.5 up to 512Mi, less than 1 up to 1Gi."
    }
  }

  # A revision that may not read its secrets, or write its metrics, does not start or stays unseen.
  depends_on = [
    google_project_iam_member.telemetry,
    google_secret_manager_secret_iam_member.collector,
    google_secret_manager_secret_iam_member.environment,
  ]
}
