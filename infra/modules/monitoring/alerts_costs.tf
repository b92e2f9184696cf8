locals {
  # A day before, so that the hour of the day explains nothing. Fewer requests on instances that are kept anyway
  # cost more each, and not more altogether: hence the billed time itself must have risen, too.
  cost_window = "${var.alerts.cost_per_request.window_seconds}s"
  cost_offset = "offset ${var.alerts.cost_per_request.compared_seconds}s"

  cost_per_request = <<-EOT
    (
      sum(rate(${local.billable}{${local.run}}[${local.cost_window}])) / sum(rate(${local.requests}{${local.run}}[${local.cost_window}]))
      > ${var.alerts.cost_per_request.factor} * sum(rate(${local.billable}{${local.run}}[${local.cost_window}] ${local.cost_offset})) / sum(rate(${local.requests}{${local.run}}[${local.cost_window}] ${local.cost_offset}))
    )
    and sum(rate(${local.billable}{${local.run}}[${local.cost_window}])) > ${(1 + var.alerts.cost_per_request.factor) / 2} * sum(rate(${local.billable}{${local.run}}[${local.cost_window}] ${local.cost_offset}))
    and sum(rate(${local.requests}{${local.run}}[${local.cost_window}])) * 60 >= ${var.alerts.cost_per_request.min_requests_per_minute}
    and sum(rate(${local.requests}{${local.run}}[${local.cost_window}] ${local.cost_offset})) * 60 >= ${var.alerts.cost_per_request.min_requests_per_minute}
  EOT

  seconds_per_month = 2629800 # 365.25 days / 12

  price = var.cost.prices != null ? var.cost.prices : local.list_prices[var.cost.billing]
  # For one instance and a month, and for a request per second and a month.
  instance_month = local.seconds_per_month * (var.cost.vcpu * local.price.vcpu_second + var.cost.memory_gib * local.price.gib_second)
  request_month  = local.seconds_per_month * local.price.million_requests / 1000000

  monthly_cost = <<-EOT
    ${format("%.8g", local.instance_month)} * sum(rate(${local.billable}{${local.run}}[${var.alerts.monthly_cost.window_seconds}s]))
    + ${format("%.8g", local.request_month)} * (sum(rate(${local.requests}{${local.run}}[${var.alerts.monthly_cost.window_seconds}s])) or vector(0))
    > ${var.alerts.monthly_cost.budget}
  EOT

  costs = {
    cost_per_request = local.cost_per_request
    monthly_cost     = local.monthly_cost
  }
}
