# Series as PromQL names them. Like the alerts on them these are plain values, without a resource: `tidegate alerts`
# has Terraform evaluate both by themselves, without a provider.
locals {
  # Every label that tells this service's series from others in the metrics scope.
  run    = "monitored_resource=\"cloud_run_revision\",project_id=\"${var.project}\",location=\"${var.region}\",service_name=\"${var.service}\""
  failed = "${local.run},response_code_class=\"5xx\""
  # What the Managed Prometheus sidecar writes for a service.
  target = "project_id=\"${var.project}\",location=\"${var.region}\",cluster=\"__run__\",namespace=\"${var.service}\""

  requests     = "run_googleapis_com:request_count"
  latencies    = "run_googleapis_com:request_latencies"
  instances    = "run_googleapis_com:container_instance_count"
  billable     = "run_googleapis_com:container_billable_instance_time"
  cpu_ratio    = "run_googleapis_com:container_cpu_utilizations"
  memory_ratio = "run_googleapis_com:container_memory_utilizations"
  pending      = "run_googleapis_com:pending_queue_pending_requests"
  probes       = "run_googleapis_com:container_completed_probe_count"
  starts       = "run_googleapis_com:container_startup_latencies"

  open_fds = "${var.telemetry.open_fds}{${local.target}}"
  max_fds  = "${var.telemetry.max_fds}{${local.target}}"
  memory   = "${var.telemetry.memory_bytes}{${local.target}}"
  # Without a state every connection counts; sockets that listen or are closed already are none.
  connections = "${var.telemetry.tcp_connections}{${local.target},state!~\"(?i)listen|time_wait\"}"

  fd_errors_metric = "tidegate-${var.service}-${var.region}-emfile"
  # In PromQL the first slash of a metric type becomes a colon, everything else that is special an underscore.
  fd_errors = "logging_googleapis_com:user_${replace(local.fd_errors_metric, "-", "_")}"
}
