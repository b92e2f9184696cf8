variable "alerts" {
  description = "Which alerts exist and when they fire. Times in seconds; for_seconds is how long a condition must hold; growth is per minute and instance, memory in bytes."
  type = object({
    enabled            = optional(bool, true)
    auto_close_seconds = optional(number, 3600)
    connection_growth = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 300)
      per_minute     = optional(number, 2)
      window_seconds = optional(number, 1800)
    }), {})
    connection_ratio = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 600)
      factor         = optional(number, 10)
      minimum        = optional(number, 100)
      window_seconds = optional(number, 600)
    }), {})
    cost_per_request = optional(object({
      enabled                 = optional(bool, true)
      severity                = optional(string, "WARNING")
      for_seconds             = optional(number, 1800)
      compared_seconds        = optional(number, 86400)
      factor                  = optional(number, 1.5)
      min_requests_per_minute = optional(number, 6)
      window_seconds          = optional(number, 3600)
    }), {})
    error_burn_fast = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "CRITICAL")
      for_seconds = optional(number, 120)
      burns = optional(list(object({ factor = number, long_seconds = number, short_seconds = number })), [
        { factor = 14.4, long_seconds = 3600, short_seconds = 300 },
        { factor = 6, long_seconds = 21600, short_seconds = 1800 },
      ])
      min_requests_per_minute = optional(number, 6)
    }), {})
    error_burn_slow = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "WARNING")
      for_seconds = optional(number, 3600)
      burns = optional(list(object({ factor = number, long_seconds = number, short_seconds = number })), [
        { factor = 1, long_seconds = 259200, short_seconds = 21600 },
      ])
      min_requests_per_minute = optional(number, 6)
    }), {})
    error_ratio = optional(object({
      enabled                 = optional(bool, true)
      severity                = optional(string, "ERROR")
      for_seconds             = optional(number, 300)
      threshold               = optional(number, 0.02)
      window_seconds          = optional(number, 300)
      min_requests_per_minute = optional(number, 6)
    }), {})
    failed_starts = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "ERROR")
      for_seconds    = optional(number, 300)
      factor         = optional(number, 10)
      minimum        = optional(number, 3)
      window_seconds = optional(number, 900)
    }), {})
    fd_errors = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "CRITICAL")
      for_seconds    = optional(number, 0)
      minimum        = optional(number, 1)
      window_seconds = optional(number, 300)
    }), {})
    fd_exhaustion = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "CRITICAL")
      for_seconds    = optional(number, 300)
      within_seconds = optional(number, 14400)
      floor          = optional(number, 0.5)
      window_seconds = optional(number, 1800)
    }), {})
    fd_growth = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 300)
      per_minute     = optional(number, 2)
      window_seconds = optional(number, 1800)
    }), {})
    fd_level = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "WARNING")
      for_seconds = optional(number, 300)
      threshold   = optional(number, 0.8)
    }), {})
    fd_level_critical = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "CRITICAL")
      for_seconds = optional(number, 300)
      threshold   = optional(number, 0.9)
    }), {})
    instances = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "WARNING")
      for_seconds = optional(number, 900)
      busy        = optional(number, 0.3)
      factor      = optional(number, 4)
      minimum     = optional(number, 5)
    }), {})
    latency_burn_fast = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "CRITICAL")
      for_seconds = optional(number, 120)
      burns = optional(list(object({ factor = number, long_seconds = number, short_seconds = number })), [
        { factor = 14.4, long_seconds = 3600, short_seconds = 300 },
        { factor = 6, long_seconds = 21600, short_seconds = 1800 },
      ])
      min_requests_per_minute = optional(number, 6)
    }), {})
    latency_burn_slow = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "WARNING")
      for_seconds = optional(number, 3600)
      burns = optional(list(object({ factor = number, long_seconds = number, short_seconds = number })), [
        { factor = 1, long_seconds = 259200, short_seconds = 21600 },
      ])
      min_requests_per_minute = optional(number, 6)
    }), {})
    latency_p99 = optional(object({
      enabled                 = optional(bool, true)
      severity                = optional(string, "WARNING")
      for_seconds             = optional(number, 300)
      threshold_seconds       = optional(number, 2)
      window_seconds          = optional(number, 300)
      min_requests_per_minute = optional(number, 6)
    }), {})
    memory_growth = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 600)
      floor          = optional(number, 0.6)
      per_minute     = optional(number, 1048576)
      window_seconds = optional(number, 3600)
    }), {})
    monthly_cost = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 3600)
      budget         = optional(number, 0)
      window_seconds = optional(number, 86400)
    }), {})
    pending_requests = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 300)
      threshold      = optional(number, 10)
      window_seconds = optional(number, 300)
    }), {})
    restarts = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "ERROR")
      for_seconds    = optional(number, 0)
      factor         = optional(number, 3)
      minimum        = optional(number, 5)
      window_seconds = optional(number, 1800)
    }), {})
    telemetry_silent = optional(object({
      enabled                 = optional(bool, true)
      severity                = optional(string, "WARNING")
      for_seconds             = optional(number, 600)
      expected                = optional(bool, false)
      min_requests_per_minute = optional(number, 6)
      window_seconds          = optional(number, 600)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for a in var.alerts : contains(["CRITICAL", "ERROR", "WARNING"], a.severity) if can(a.severity)])
    error_message = "The severity of an alert is CRITICAL, ERROR or WARNING."
  }

  validation {
    condition     = alltrue([for a in var.alerts : a.for_seconds >= 0 && floor(a.for_seconds) == a.for_seconds if can(a.for_seconds)])
    error_message = "The for_seconds of an alert is a whole number, not negative."
  }

  validation {
    condition     = alltrue([for a in var.alerts : a.window_seconds >= 120 && a.window_seconds <= 259200 && floor(a.window_seconds) == a.window_seconds if can(a.window_seconds)])
    error_message = "The window_seconds of an alert is a whole number between 120 and 259200 (3 days): Cloud Run is sampled every 60 seconds, and a rate needs two samples."
  }

  validation {
    condition = alltrue([
      for a in [var.alerts.fd_growth, var.alerts.connection_growth, var.alerts.memory_growth] : a.window_seconds >= 360 && a.per_minute > 0
    ])
    error_message = "A growth alert needs a window_seconds of at least 360, of which the last third is judged again by itself, and a positive per_minute."
  }

  validation {
    condition = (
      var.alerts.fd_exhaustion.floor >= 0 && var.alerts.fd_exhaustion.floor <= 1 &&
      var.alerts.fd_exhaustion.within_seconds > 0 &&
      floor(var.alerts.fd_exhaustion.within_seconds) == var.alerts.fd_exhaustion.within_seconds
    )
    error_message = "The floor of fd_exhaustion is between 0 and 1, its within_seconds a positive whole number."
  }

  validation {
    condition     = var.alerts.memory_growth.floor >= 0 && var.alerts.memory_growth.floor <= 1
    error_message = "The floor of memory_growth is between 0 and 1."
  }

  validation {
    condition = alltrue([
      for a in [var.alerts.fd_level, var.alerts.fd_level_critical, var.alerts.error_ratio] : a.threshold >= 0 && a.threshold <= 1
    ])
    error_message = "The threshold of fd_level, fd_level_critical and error_ratio is between 0 and 1."
  }

  validation {
    condition     = !var.alerts.fd_level.enabled || !var.alerts.fd_level_critical.enabled || var.alerts.fd_level.threshold <= var.alerts.fd_level_critical.threshold
    error_message = "The threshold of fd_level is not above that of fd_level_critical."
  }

  validation {
    condition     = var.alerts.latency_p99.threshold_seconds >= 0 && var.alerts.pending_requests.threshold >= 0
    error_message = "The threshold_seconds of latency_p99 and the threshold of pending_requests are not negative."
  }

  validation {
    condition     = alltrue([for a in var.alerts : a.min_requests_per_minute >= 0 if can(a.min_requests_per_minute)])
    error_message = "The min_requests_per_minute of an alert are not negative."
  }

  validation {
    condition = alltrue(flatten([
      for a in var.alerts : [
        for b in a.burns : b.factor > 0 && b.short_seconds >= 120 && b.long_seconds > b.short_seconds && b.long_seconds <= 2592000
      ] if can(a.burns)
    ]))
    error_message = "A burn has a positive factor, a short window of at least 120 seconds, and a longer one of at most 2592000 (30 days)."
  }

  validation {
    condition     = alltrue([for a in var.alerts : length(a.burns) >= 1 && length(a.burns) <= 4 if can(a.burns)])
    error_message = "A burn alert has 1 to 4 burns."
  }

  validation {
    condition     = var.alerts.instances.factor > 1 && var.alerts.instances.minimum >= 1
    error_message = "The factor of the instances alert is above 1, its minimum at least 1."
  }

  validation {
    condition     = var.alerts.instances.busy >= 0 && var.alerts.instances.busy <= 1
    error_message = "The busy of the instances alert is between 0 and 1."
  }

  validation {
    condition     = var.alerts.restarts.factor >= 1 && var.alerts.restarts.minimum >= 1 && var.alerts.failed_starts.factor >= 1 && var.alerts.failed_starts.minimum >= 1
    error_message = "The factor and the minimum of restarts and of failed_starts are at least 1."
  }

  validation {
    condition     = var.alerts.connection_ratio.factor >= 1 && var.alerts.connection_ratio.minimum >= 1
    error_message = "The factor and the minimum of connection_ratio are at least 1."
  }

  validation {
    condition     = var.alerts.fd_errors.minimum >= 1
    error_message = "The minimum of fd_errors is at least 1."
  }

  validation {
    condition = (
      var.alerts.cost_per_request.factor > 1 &&
      var.alerts.cost_per_request.compared_seconds >= var.alerts.cost_per_request.window_seconds &&
      var.alerts.cost_per_request.compared_seconds <= 2592000 &&
      floor(var.alerts.cost_per_request.compared_seconds) == var.alerts.cost_per_request.compared_seconds
    )
    error_message = "The factor of cost_per_request is above 1, its compared_seconds a whole number from its window_seconds to 2592000 (30 days)."
  }

  validation {
    condition     = var.alerts.monthly_cost.budget >= 0
    error_message = "The budget of monthly_cost is not negative; 0 is no budget and no alert."
  }

  validation {
    condition     = var.alerts.auto_close_seconds >= 1800 && var.alerts.auto_close_seconds <= 604800
    error_message = "The auto_close_seconds are between 1800 (30 minutes) and 604800 (7 days)."
  }
}

variable "channel_secrets" {
  description = "By the key of a channel: the token of Slack, the service key of PagerDuty, the password of a webhook. Never kept in plan or state."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
  nullable    = false
}

variable "channels" {
  description = "Who is told: addresses for which email channels are made, full names of existing channels, and Slack, PagerDuty and webhooks by a key of yours, which channel_secrets has, too. A new version sends the secret again."
  type = object({
    emails    = optional(set(string), [])
    existing  = optional(set(string), [])
    pagerduty = optional(map(object({ version = optional(string, "1") })), {})
    slack     = optional(map(object({ channel_name = string, version = optional(string, "1") })), {})
    webhooks  = optional(map(object({ url = string, username = optional(string, "tidegate"), version = optional(string, "1") })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for email in var.channels.emails : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "The emails must be email addresses."
  }

  validation {
    condition     = alltrue([for name in var.channels.existing : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", name))])
    error_message = "An existing channel is written projects/PROJECT/notificationChannels/ID."
  }

  validation {
    condition     = alltrue([for channel in var.channels.slack : can(regex("^#\\S+$", channel.channel_name))])
    error_message = "The channel_name of a Slack channel is written such as #oncall."
  }

  validation {
    condition     = alltrue([for hook in var.channels.webhooks : can(regex("^https://\\S+$", hook.url)) && hook.username != ""])
    error_message = "A webhook has an https:// url and a username."
  }

  validation {
    condition = length(setunion(keys(var.channels.slack), keys(var.channels.pagerduty), keys(var.channels.webhooks))) == (
      length(var.channels.slack) + length(var.channels.pagerduty) + length(var.channels.webhooks)
    )
    error_message = "The keys of Slack, PagerDuty and webhooks must differ, for channel_secrets has one entry by each."
  }

  validation {
    condition = length(setsubtract(
      setunion(keys(var.channels.slack), keys(var.channels.pagerduty), keys(var.channels.webhooks)), keys(var.channel_secrets)
    )) == 0
    error_message = "A channel of Slack, PagerDuty or a webhook needs an entry of its key in channel_secrets."
  }
}

variable "cost" {
  description = "What an instance is billed for, for monthly_cost. prices is an object of vcpu_second, gib_second and million_requests; null takes the list prices of the module."
  type = object({
    billing    = optional(string, "instance")
    vcpu       = optional(number, 1)
    memory_gib = optional(number, 0.5)
    prices = optional(object({
      vcpu_second      = number
      gib_second       = number
      million_requests = optional(number, 0)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["instance", "request"], var.cost.billing)
    error_message = "The billing is instance or request."
  }

  validation {
    condition     = var.cost.vcpu > 0 && var.cost.memory_gib > 0
    error_message = "The vcpu and memory_gib of an instance are positive."
  }
}

variable "dashboard" {
  description = "Whether to make the dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "labels" {
  description = "Labels of the policies and channels."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for k, v in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))
    ])
    error_message = "Label keys and values consist of at most 63 lower-case letters, digits, _ and -; a key starts with a letter."
  }
}

variable "project" {
  description = "Project id of the service, in which the policies are made too."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The project is its id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "region" {
  description = "Region of the service."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.region))
    error_message = "The region is written such as europe-west1."
  }
}

variable "rollback_command" {
  description = "Shell command the alerts name as the way back, beside gcloud. Left empty, it is tidegate rollback."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = length(var.rollback_command) <= 1000 && !can(regex("[\\n\\r`]", var.rollback_command))
    error_message = "The rollback_command is one line of at most 1000 characters, without backquotes."
  }
}

variable "scaling" {
  description = "What the service is configured to, so that expected instances raise no alert."
  type = object({
    min_instances = optional(number, 0)
    max_instances = optional(number, 10)
    concurrency   = optional(number, 80)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.concurrency >= 1 && var.scaling.min_instances >= 0
    error_message = "The concurrency is at least 1, min_instances not negative."
  }
}

variable "service" {
  description = "Name of the Cloud Run service. It may exist already, and be deployed by anything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,47}[a-z0-9])?$", var.service))
    error_message = "The service consists of at most 49 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "slo" {
  description = "What is promised of the whole service, in shares of its requests over so many days. The burn alerts are measured on it, enabled or not."
  type = object({
    enabled         = optional(bool, true)
    availability    = optional(number, 0.995)
    latency         = optional(number, 0.99)
    latency_seconds = optional(number, 2)
    days            = optional(number, 28)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for share in [var.slo.availability, var.slo.latency] : share > 0 && share <= 0.9999])
    error_message = "The availability and latency of slo are above 0 and at most 0.9999."
  }

  validation {
    condition = alltrue(flatten([
      for pair in [["error_burn_fast", var.slo.availability], ["error_burn_slow", var.slo.availability], ["latency_burn_fast", var.slo.latency], ["latency_burn_slow", var.slo.latency]] : [
        for burn in var.alerts[pair[0]].burns : burn.factor * (1 - pair[1]) < 1
      ] if var.alerts[pair[0]].enabled
    ]))
    error_message = "So low an objective can never be burnt that fast: factor * (1 - objective) must be below 1, or the burn alert switched off."
  }

  validation {
    condition     = var.slo.latency_seconds > 0
    error_message = "The latency_seconds of slo are positive."
  }

  validation {
    condition     = var.slo.days >= 1 && var.slo.days <= 30 && floor(var.slo.days) == var.slo.days
    error_message = "The days of slo are a whole number between 1 and 30."
  }
}

variable "telemetry" {
  description = "Prometheus names of the per-instance gauges, and the most file descriptors an instance may have."
  type = object({
    open_fds        = optional(string, "process_open_fds")
    max_fds         = optional(string, "process_max_fds")
    memory_bytes    = optional(string, "process_resident_memory_bytes")
    tcp_connections = optional(string, "tcp_connections")
    fd_limit        = optional(number, 25000)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for name in [var.telemetry.open_fds, var.telemetry.max_fds, var.telemetry.memory_bytes, var.telemetry.tcp_connections] :
      can(regex("^[a-zA-Z_:][a-zA-Z0-9_:]*$", name))
    ])
    error_message = "The name of a Prometheus metric consists of letters, digits, _ and :."
  }

  validation {
    condition     = var.telemetry.fd_limit >= 1
    error_message = "The fd_limit is at least 1."
  }
}
