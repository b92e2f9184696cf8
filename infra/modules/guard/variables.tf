variable "command" {
  description = "What starts tidegate in the image."
  type        = list(string)
  default     = ["tidegate"]
  nullable    = false
}

variable "cpu" {
  description = "CPU of a look."
  type        = string
  default     = "1"
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the job, which holds nothing."
  type        = bool
  default     = false
  nullable    = false
}

variable "image" {
  description = "Image that has tidegate in it."
  type        = string
  nullable    = false

  validation {
    condition     = trimspace(var.image) != ""
    error_message = "The image must be named: one that has tidegate in it."
  }
}

variable "labels" {
  description = "Labels of the job."
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

variable "memory" {
  description = "Memory of a look."
  type        = string
  default     = "512Mi"
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the service, and of the job."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "The region is written such as europe-west1; a zone such as europe-west1-b is none."
  }
}

variable "rollback" {
  description = "Whether the guard may send the traffic back when a revision leaks. Otherwise it can only read."
  type        = bool
  default     = false
  nullable    = false
}

variable "schedule" {
  description = "When a look is taken, as the five fields of cron, and in which time zone; or not at all for now (paused)."
  type = object({
    cron      = optional(string, "*/15 * * * *")
    time_zone = optional(string, "Etc/UTC")
    paused    = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^\\S+( \\S+){4}$", var.schedule.cron))
    error_message = "The cron of the schedule has five fields, such as \"*/15 * * * *\"."
  }
}

variable "scheduler_region" {
  description = "Region of the schedule where Cloud Scheduler is not in that of the service. Left empty, that of the service."
  type        = string
  default     = ""
  nullable    = false
}

variable "service" {
  description = "Name of the service that is watched."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,47}[a-z0-9])?$", var.service))
    error_message = "The service is the name of a Cloud Run service, not a path."
  }
}

variable "service_account_email" {
  description = "Account the service runs as. Only needed to roll back."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.service_account_email == "" || can(regex("^[^@\\s]+@[^@\\s]+$", var.service_account_email))
    error_message = "The service_account_email must be an email address, or empty."
  }
}

variable "timeout_seconds" {
  description = "Longest time of one look; a rollback watches for a while whether it helped."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 60 && var.timeout_seconds <= 86400 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "The timeout_seconds must be a whole number between 60 and 86400."
  }
}

variable "watch" {
  description = "How much of the past a look judges, and how long a revision is watched after it got all traffic."
  type = object({
    window_seconds = optional(number, 21600)
    until_seconds  = optional(number, 259200)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.watch) : n >= 60 && floor(n) == n])
    error_message = "The times of the watch are whole seconds, at least 60."
  }
}

variable "webhooks" {
  description = "Secret with the addresses that are told, separated by blanks, in the form Slack understands. Without one only the executions of the job show what was found."
  type = object({
    secret  = optional(string, "")
    version = optional(string, "latest")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^((projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255})?$", var.webhooks.secret)) && can(regex("^(latest|[1-9][0-9]*)$", var.webhooks.version))
    error_message = "The webhooks are a secret's id or projects/PROJECT/secrets/ID; its version is a number or \"latest\"."
  }
}
