variable "alerts" {
  description = "Which alerts exist and when they fire. Times in seconds; for_seconds is how long a condition must hold; growth is per minute and instance."
  type = object({
    enabled            = optional(bool, true)
    auto_close_seconds = optional(number, 3600)
    fd_growth = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 300)
      per_minute     = optional(number, 2)
      window_seconds = optional(number, 1800)
    }), {})
    fd_exhaustion = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "CRITICAL")
      for_seconds    = optional(number, 300)
      within_seconds = optional(number, 14400)
      floor          = optional(number, 0.5)
      window_seconds = optional(number, 1800)
    }), {})
    connection_growth = optional(object({
      enabled        = optional(bool, true)
      severity       = optional(string, "WARNING")
      for_seconds    = optional(number, 300)
      per_minute     = optional(number, 2)
      window_seconds = optional(number, 1800)
    }), {})
    error_ratio = optional(object({
      enabled                 = optional(bool, true)
      severity                = optional(string, "ERROR")
      for_seconds             = optional(number, 300)
      threshold               = optional(number, 0.02)
      window_seconds          = optional(number, 300)
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
    instances = optional(object({
      enabled     = optional(bool, true)
      severity    = optional(string, "WARNING")
      for_seconds = optional(number, 900)
      factor      = optional(number, 4)
      minimum     = optional(number, 5)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for a in [
        var.alerts.fd_growth, var.alerts.fd_exhaustion, var.alerts.connection_growth, var.alerts.error_ratio,
        var.alerts.latency_p99, var.alerts.instances,
      ] : contains(["CRITICAL", "ERROR", "WARNING"], a.severity)
    ])
    error_message = "The severity of an alert is CRITICAL, ERROR or WARNING."
  }

  validation {
    condition = alltrue([
      for a in [
        var.alerts.fd_growth, var.alerts.fd_exhaustion, var.alerts.connection_growth, var.alerts.error_ratio,
        var.alerts.latency_p99, var.alerts.instances,
      ] : a.for_seconds >= 0 && floor(a.for_seconds) == a.for_seconds
    ])
    error_message = "The for_seconds of an alert is a whole number, not negative."
  }

  validation {
    condition = alltrue([
      for a in [
        var.alerts.fd_growth, var.alerts.fd_exhaustion, var.alerts.connection_growth, var.alerts.error_ratio,
        var.alerts.latency_p99,
      ] : a.window_seconds >= 120 && a.window_seconds <= 86400 && floor(a.window_seconds) == a.window_seconds
    ])
    error_message = "The window_seconds of an alert is a whole number between 120 and 86400: Cloud Run is sampled every 60 seconds, and a rate needs two samples."
  }

  validation {
    condition = (
      var.alerts.fd_growth.window_seconds >= 360 && var.alerts.connection_growth.window_seconds >= 360 &&
      var.alerts.fd_growth.per_minute > 0 && var.alerts.connection_growth.per_minute > 0
    )
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
    condition = (
      var.alerts.error_ratio.threshold >= 0 && var.alerts.error_ratio.threshold <= 1 &&
      var.alerts.latency_p99.threshold_seconds >= 0 &&
      var.alerts.error_ratio.min_requests_per_minute >= 0 && var.alerts.latency_p99.min_requests_per_minute >= 0
    )
    error_message = "The threshold of error_ratio is between 0 and 1; threshold_seconds and min_requests_per_minute are not negative."
  }

  validation {
    condition     = var.alerts.instances.factor > 1 && var.alerts.instances.minimum >= 1
    error_message = "The factor of the instances alert is above 1, its minimum at least 1."
  }

  validation {
    condition     = var.alerts.auto_close_seconds >= 1800 && var.alerts.auto_close_seconds <= 604800
    error_message = "The auto_close_seconds are between 1800 (30 minutes) and 604800 (7 days)."
  }
}

variable "channels" {
  description = "Who is told: addresses for which email channels are made, and full names of existing channels."
  type = object({
    emails   = optional(set(string), [])
    existing = optional(set(string), [])
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
  description = "Shell command the alerts name as the way back. Left empty, it is the gcloud command."
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

variable "telemetry" {
  description = "Prometheus names of the per-instance gauges, and the most file descriptors an instance may have."
  type = object({
    open_fds        = optional(string, "process_open_fds")
    max_fds         = optional(string, "process_max_fds")
    tcp_connections = optional(string, "tcp_connections")
    fd_limit        = optional(number, 25000)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for name in [var.telemetry.open_fds, var.telemetry.max_fds, var.telemetry.tcp_connections] :
      can(regex("^[a-zA-Z_:][a-zA-Z0-9_:]*$", name))
    ])
    error_message = "The name of a Prometheus metric consists of letters, digits, _ and :."
  }

  validation {
    condition     = var.telemetry.fd_limit >= 1
    error_message = "The fd_limit is at least 1."
  }
}
