# What the module makes of its arguments, without a project and without credentials: `terraform test`.

mock_provider "google" {}

variables {
  project = "shop-prod"
  region  = "europe-west1"
  service = "orders"
}

run "everything_by_default" {
  command = plan

  assert {
    condition     = length(google_monitoring_alert_policy.this) == 20 && !contains(keys(google_monitoring_alert_policy.this), "monthly_cost")
    error_message = "All alerts but the one that needs a budget exist by default."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.this : length(policy.documentation[0].content) <= 8192])
    error_message = "A runbook is longer than Cloud Monitoring takes."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.this : policy.conditions[0].condition_prometheus_query_language[0].disable_metric_validation])
    error_message = "An alert needs its metrics to exist already."
  }

  assert {
    condition     = length(google_monitoring_slo.availability) == 1 && length(google_monitoring_slo.latency) == 1
    error_message = "Both objectives exist by default."
  }

  assert {
    condition     = google_logging_metric.fd_errors[0].name == "tidegate-orders-europe-west1-emfile"
    error_message = "The metric of log lines is named after the service and its region."
  }
}

run "a_budget_makes_its_alert" {
  command = plan

  variables {
    alerts = { monthly_cost = { budget = 100 } }
  }

  assert {
    condition     = contains(keys(google_monitoring_alert_policy.this), "monthly_cost")
    error_message = "A budget makes the alert on the monthly cost."
  }
}

run "nothing_at_all" {
  command = plan

  variables {
    alerts    = { enabled = false }
    slo       = { enabled = false }
    dashboard = false
  }

  assert {
    condition     = length(google_monitoring_alert_policy.this) + length(google_monitoring_custom_service.this) + length(google_logging_metric.fd_errors) + length(google_monitoring_dashboard.this) == 0
    error_message = "Everything can be switched off."
  }
}

run "channels_of_every_kind" {
  command = plan

  variables {
    channels = {
      emails    = ["oncall@example.com"]
      slack     = { chat = { channel_name = "#oncall" } }
      pagerduty = { pager = {} }
      webhooks  = { hook = { url = "https://example.com/hook" } }
    }
    channel_secrets = { chat = "a", pager = "b", hook = "c" }
  }

  assert {
    condition     = google_monitoring_notification_channel.slack["chat"].type == "slack" && google_monitoring_notification_channel.webhook["hook"].labels.username == "tidegate"
    error_message = "A channel is made of each."
  }
}

run "refuses_a_severity_that_does_not_exist" {
  command = plan

  variables {
    alerts = { fd_growth = { severity = "LOUD" } }
  }

  expect_failures = [var.alerts]
}

run "refuses_half_a_second" {
  command = plan

  variables {
    alerts = { fd_growth = { for_seconds = 0.5 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_window_of_one_sample" {
  command = plan

  variables {
    alerts = { error_ratio = { window_seconds = 60 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_growth_window_without_thirds" {
  command = plan

  variables {
    alerts = { fd_growth = { window_seconds = 300 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_growth_of_nothing" {
  command = plan

  variables {
    alerts = { memory_growth = { per_minute = 0 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_floor_above_the_ceiling" {
  command = plan

  variables {
    alerts = { fd_exhaustion = { floor = 1.5 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_floor_of_memory_above_the_ceiling" {
  command = plan

  variables {
    alerts = { memory_growth = { floor = 1.5 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_threshold_of_two_hundred_per_cent" {
  command = plan

  variables {
    alerts = { fd_level = { threshold = 2 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_warning_of_descriptors_above_the_critical_level" {
  command = plan

  variables {
    alerts = { fd_level = { threshold = 0.95 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_negative_threshold" {
  command = plan

  variables {
    alerts = { latency_p99 = { threshold_seconds = -1 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_negative_volume" {
  command = plan

  variables {
    alerts = { telemetry_silent = { min_requests_per_minute = -1 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_burn_whose_long_window_is_the_short_one" {
  command = plan

  variables {
    alerts = { error_burn_fast = { burns = [{ factor = 2, long_seconds = 300, short_seconds = 300 }] } }
  }

  expect_failures = [var.alerts]
}

run "refuses_no_burn" {
  command = plan

  variables {
    alerts = { latency_burn_slow = { burns = [] } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_factor_that_says_nothing" {
  command = plan

  variables {
    alerts = { instances = { factor = 1 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_more_busy_than_possible" {
  command = plan

  variables {
    alerts = { instances = { busy = 2 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_restarts_of_which_none_is_needed" {
  command = plan

  variables {
    alerts = { restarts = { minimum = 0 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_connections_of_which_none_is_needed" {
  command = plan

  variables {
    alerts = { connection_ratio = { minimum = 0 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_log_lines_of_which_none_is_needed" {
  command = plan

  variables {
    alerts = { fd_errors = { minimum = 0 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_comparison_with_itself" {
  command = plan

  variables {
    alerts = { cost_per_request = { compared_seconds = 60 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_a_negative_budget" {
  command = plan

  variables {
    alerts = { monthly_cost = { budget = -1 } }
  }

  expect_failures = [var.alerts]
}

run "refuses_incidents_closed_at_once" {
  command = plan

  variables {
    alerts = { auto_close_seconds = 60 }
  }

  expect_failures = [var.alerts]
}

run "refuses_no_address" {
  command = plan

  variables {
    channels = { emails = ["nobody"] }
  }

  expect_failures = [var.channels]
}

run "refuses_no_channel_name" {
  command = plan

  variables {
    channels = { existing = ["nobody"] }
  }

  expect_failures = [var.channels]
}

run "refuses_a_Slack_channel_without_its_sign" {
  command = plan

  variables {
    channels        = { slack = { chat = { channel_name = "oncall" } } }
    channel_secrets = { chat = "x" }
  }

  expect_failures = [var.channels]
}

run "refuses_a_webhook_in_clear_text" {
  command = plan

  variables {
    channels        = { webhooks = { hook = { url = "http://example.com" } } }
    channel_secrets = { hook = "x" }
  }

  expect_failures = [var.channels]
}

run "refuses_one_key_twice" {
  command = plan

  variables {
    channels        = { slack = { a = { channel_name = "#a" } }, pagerduty = { a = {} } }
    channel_secrets = { a = "x" }
  }

  expect_failures = [var.channels]
}

run "refuses_a_channel_without_its_secret" {
  command = plan

  variables {
    channels = { pagerduty = { pager = {} } }
  }

  expect_failures = [var.channels]
}

run "refuses_a_billing_that_does_not_exist" {
  command = plan

  variables {
    cost = { billing = "yearly" }
  }

  expect_failures = [var.cost]
}

run "refuses_an_instance_without_CPU" {
  command = plan

  variables {
    cost = { vcpu = 0 }
  }

  expect_failures = [var.cost]
}

run "refuses_a_label_in_capitals" {
  command = plan

  variables {
    labels = { "Team" = "x" }
  }

  expect_failures = [var.labels]
}

run "refuses_a_project_that_is_none" {
  command = plan

  variables {
    project = "Shop"
  }

  expect_failures = [var.project]
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    region = "Europe West"
  }

  expect_failures = [var.region]
}

run "refuses_a_rollback_command_of_two_lines" {
  command = plan

  variables {
    rollback_command = "a\nb"
  }

  expect_failures = [var.rollback_command]
}

run "refuses_no_concurrency" {
  command = plan

  variables {
    scaling = { concurrency = 0 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_service_that_is_none" {
  command = plan

  variables {
    service = "Orders"
  }

  expect_failures = [var.service]
}

run "refuses_an_objective_of_everything" {
  command = plan

  variables {
    slo = { availability = 1 }
  }

  expect_failures = [var.slo]
}

run "refuses_an_objective_that_cannot_burn" {
  command = plan

  variables {
    slo = { latency = 0.9 }
  }

  expect_failures = [var.slo]
}

run "refuses_fast_enough_in_no_time" {
  command = plan

  variables {
    slo = { latency_seconds = 0 }
  }

  expect_failures = [var.slo]
}

run "refuses_an_objective_over_a_year" {
  command = plan

  variables {
    slo = { days = 365 }
  }

  expect_failures = [var.slo]
}

run "refuses_a_metric_name_that_is_a_query" {
  command = plan

  variables {
    telemetry = { open_fds = "a} or vector(1) or b{" }
  }

  expect_failures = [var.telemetry]
}

run "refuses_no_descriptors" {
  command = plan

  variables {
    telemetry = { fd_limit = 0 }
  }

  expect_failures = [var.telemetry]
}
