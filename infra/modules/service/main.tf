locals {
  ingress_name = one(concat([for name, c in var.containers : name if c.port != null], length(var.containers) == 1 ? [for name, c in var.containers : name if c.port == null] : []))
  ingress_port = coalesce(var.containers[local.ingress_name].port, 8080)

  # The startup probe Cloud Run would add by itself, looked at every second: the collector may only depend on
  # a container whose probe is written down.
  startup_default = {
    http                  = null
    tcp                   = { port = local.ingress_port }
    grpc                  = null
    initial_delay_seconds = 0
    period_seconds        = 1
    timeout_seconds       = 1
    failure_threshold     = 240
  }

  # Cloud Run takes the sockets of Cloud SQL at this one path.
  mounts = { for name, c in var.containers : name => merge(c.mounts, length(var.cloud_sql) > 0 ? { cloudsql = "/cloudsql" } : {}) }

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

  egress = { private-ranges = "PRIVATE_RANGES_ONLY", all = "ALL_TRAFFIC" }

  environments = { auto = null, gen1 = "EXECUTION_ENVIRONMENT_GEN1", gen2 = "EXECUTION_ENVIRONMENT_GEN2" }

  direct_vpc = var.vpc.network != null || var.vpc.subnetwork != null

  # The region a subnetwork says it is in; a bare name is looked up in the region of the service.
  subnetwork_region = try(regex("regions/([^/]+)/subnetworks/", var.vpc.subnetwork)[0], var.region)
  connector_region  = try(regex("locations/([^/]+)/connectors/", var.vpc.connector)[0], var.region)

  # All that each container waits for, directly or not: twice as far with every line, 16 steps are enough for
  # 10 containers.
  waits_1 = { for name, c in var.containers : name => c.depends_on }
  waits_2 = { for name, on in local.waits_1 : name => distinct(concat(on, flatten([for o in on : try(local.waits_1[o], [])]))) }
  waits_4 = { for name, on in local.waits_2 : name => distinct(concat(on, flatten([for o in on : try(local.waits_2[o], [])]))) }
  waits_8 = { for name, on in local.waits_4 : name => distinct(concat(on, flatten([for o in on : try(local.waits_4[o], [])]))) }
  waits   = { for name, on in local.waits_8 : name => distinct(concat(on, flatten([for o in on : try(local.waits_8[o], [])]))) }

  bytes = { "" = 1, k = 1000, M = 1000000, G = 1000000000, Ki = 1024, Mi = 1048576, Gi = 1073741824 }

  # What an instance needs altogether, the collector among it.
  all_cpu = concat(values(local.cpu), var.collector.enabled ? [
    endswith(var.collector.cpu, "m") ? tonumber(trimsuffix(var.collector.cpu, "m")) / 1000 : tonumber(var.collector.cpu)
  ] : [])
  all_memory_mib = concat(values(local.memory_mib), var.collector.enabled ? [
    tonumber(regex("^[0-9]+", var.collector.memory)) * local.bytes[regex("[A-Za-z]*$", var.collector.memory)] / 1048576
  ] : [])

  cpu = {
    for name, c in var.containers : name =>
    endswith(c.cpu, "m") ? tonumber(trimsuffix(c.cpu, "m")) / 1000 : tonumber(c.cpu)
  }
  memory_mib = {
    for name, c in var.containers : name =>
    tonumber(regex("^[0-9]+", c.memory)) * local.bytes[regex("[A-Za-z]*$", c.memory)] / 1048576
  }
  # Least and most memory in MiB by number of CPUs.
  memory_limits = { "1" = [0, 4096], "2" = [0, 8192], "4" = [2048, 16384], "6" = [4096, 24576], "8" = [4096, 32768] }
}

resource "google_cloud_run_v2_service" "this" {
  project             = var.project
  location            = var.region
  name                = var.name
  description         = var.description
  ingress             = local.ingress[var.ingress]
  custom_audiences    = var.custom_audiences
  labels              = var.labels
  deletion_protection = var.deletion_protection

  # Always written, and never empty: an omitted block would keep what it said before, and an empty one is
  # taken for an omitted one.
  scaling {
    scaling_mode          = var.scaling.service.instances == null ? "AUTOMATIC" : "MANUAL"
    manual_instance_count = var.scaling.service.instances
    min_instance_count    = var.scaling.service.min_instances
    max_instance_count    = var.scaling.service.max_instances
  }

  dynamic "binary_authorization" {
    for_each = var.binary_authorization.enabled ? [var.binary_authorization] : []

    content {
      use_default              = binary_authorization.value.policy == null ? true : null
      policy                   = binary_authorization.value.policy
      breakglass_justification = binary_authorization.value.breakglass_justification
    }
  }

  template {
    service_account                  = local.service_account_email
    timeout                          = "${var.timeout_seconds}s"
    max_instance_request_concurrency = var.scaling.concurrency
    execution_environment            = local.environments[var.execution_environment]
    encryption_key                   = var.encryption_key == "" ? null : var.encryption_key

    scaling {
      min_instance_count = var.scaling.min_instances
      max_instance_count = var.scaling.max_instances
    }

    dynamic "containers" {
      for_each = var.containers

      content {
        name        = containers.key
        image       = containers.value.image
        command     = containers.value.command
        args        = containers.value.args
        working_dir = containers.value.working_dir == "" ? null : containers.value.working_dir
        depends_on  = containers.value.depends_on

        dynamic "ports" {
          for_each = local.containers[containers.key].port == null ? [] : [local.containers[containers.key].port]

          content {
            name           = containers.value.http2 ? "h2c" : "http1"
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

                dynamic "http_headers" {
                  for_each = http_get.value.headers

                  content {
                    name  = http_headers.key
                    value = http_headers.value
                  }
                }
              }
            }

            dynamic "tcp_socket" {
              for_each = startup_probe.value.tcp == null ? [] : [startup_probe.value.tcp]

              content {
                port = tcp_socket.value.port == null ? local.containers[containers.key].port : tcp_socket.value.port
              }
            }

            dynamic "grpc" {
              for_each = startup_probe.value.grpc == null ? [] : [startup_probe.value.grpc]

              content {
                port    = grpc.value.port == null ? local.containers[containers.key].port : grpc.value.port
                service = grpc.value.service
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

                dynamic "http_headers" {
                  for_each = http_get.value.headers

                  content {
                    name  = http_headers.key
                    value = http_headers.value
                  }
                }
              }
            }

            dynamic "tcp_socket" {
              for_each = liveness_probe.value.tcp == null ? [] : [liveness_probe.value.tcp]

              content {
                port = tcp_socket.value.port == null ? local.containers[containers.key].port : tcp_socket.value.port
              }
            }

            dynamic "grpc" {
              for_each = liveness_probe.value.grpc == null ? [] : [liveness_probe.value.grpc]

              content {
                port    = grpc.value.port == null ? local.containers[containers.key].port : grpc.value.port
                service = grpc.value.service
              }
            }
          }
        }

        dynamic "volume_mounts" {
          for_each = local.mounts[containers.key]

          content {
            name       = volume_mounts.key
            mount_path = volume_mounts.value
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

    dynamic "vpc_access" {
      for_each = local.direct_vpc || var.vpc.connector != null ? [var.vpc] : []

      content {
        connector = vpc_access.value.connector
        egress    = local.egress[vpc_access.value.egress]

        dynamic "network_interfaces" {
          for_each = local.direct_vpc ? [vpc_access.value] : []

          content {
            network    = network_interfaces.value.network
            subnetwork = network_interfaces.value.subnetwork
            tags       = sort(network_interfaces.value.tags)
          }
        }
      }
    }

    dynamic "volumes" {
      for_each = var.volumes

      content {
        name = volumes.key

        dynamic "secret" {
          for_each = volumes.value.secret == null ? [] : [volumes.value.secret]

          content {
            secret       = secret.value.secret
            default_mode = parseint(secret.value.mode, 8)

            dynamic "items" {
              for_each = secret.value.files

              content {
                path    = items.key
                version = items.value
              }
            }
          }
        }

        dynamic "gcs" {
          for_each = volumes.value.bucket == null ? [] : [volumes.value.bucket]

          content {
            bucket        = gcs.value.name
            read_only     = gcs.value.read_only
            mount_options = gcs.value.mount_options
          }
        }

        dynamic "empty_dir" {
          for_each = volumes.value.memory == null ? [] : [volumes.value.memory]

          content {
            medium     = "MEMORY"
            size_limit = empty_dir.value.size
          }
        }
      }
    }

    dynamic "volumes" {
      for_each = length(var.cloud_sql) > 0 ? [var.cloud_sql] : []

      content {
        name = "cloudsql"

        cloud_sql_instance {
          instances = volumes.value
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
      condition     = length(var.roles) == 0 || local.own_account
      error_message = "The roles are for the account the module makes; one given with service_account_email keeps the roles it has."
    }

    precondition {
      condition     = alltrue([for name, on in local.waits : !contains(on, name)])
      error_message = "The depends_on of the containers goes round in a circle: ${join(", ", [for name, on in local.waits : name if contains(on, name)])} wait for each other."
    }

    precondition {
      condition     = alltrue(flatten([for c in var.containers : [for name in keys(c.mounts) : contains(keys(var.volumes), name)]]))
      error_message = "A container mounts a volume that is not among the volumes: ${join(", ", distinct(flatten([for c in var.containers : [for name in keys(c.mounts) : name if !contains(keys(var.volumes), name)]])))}."
    }

    precondition {
      condition     = length(var.cloud_sql) == 0 || alltrue(flatten([for c in var.containers : [for path in values(c.mounts) : path != "/cloudsql"]]))
      error_message = "The path /cloudsql is where the sockets of Cloud SQL appear; mount the volume somewhere else."
    }

    precondition {
      condition     = var.execution_environment != "gen1" || alltrue([for v in var.volumes : v.bucket == null])
      error_message = "A bucket as a volume needs execution_environment = \"gen2\" (or \"auto\")."
    }

    precondition {
      condition     = var.execution_environment != "gen2" || alltrue([for mib in local.memory_mib : mib >= 512])
      error_message = "With execution_environment = \"gen2\" every container needs at least 512Mi of memory."
    }

    precondition {
      condition     = local.subnetwork_region == var.region && local.connector_region == var.region
      error_message = "The way into the vpc is in another region than the service, which is in ${var.region}."
    }

    precondition {
      condition     = sum(local.all_cpu) <= 8 && sum(local.all_memory_mib) <= 32768
      error_message = "An instance has at most 8 CPUs and 32Gi of memory for all its containers together, the collector included."
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
    google_project_iam_member.cloud_sql,
    google_project_iam_member.roles,
    google_project_iam_member.telemetry,
    google_secret_manager_secret_iam_member.collector,
    google_secret_manager_secret_iam_member.environment,
    google_storage_bucket_iam_member.volumes,
  ]
}
