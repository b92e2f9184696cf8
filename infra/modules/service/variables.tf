variable "allow_public" {
  description = "Whether invokers may name allUsers or allAuthenticatedUsers. It grants nothing by itself."
  type        = bool
  default     = false
  nullable    = false
}

variable "billing" {
  description = "When CPU is allocated and billed: \"request\" (only while a request is handled) or \"instance\" (for the life of the instance, which the collector needs to scrape on time)."
  type        = string
  default     = "instance"
  nullable    = false

  validation {
    condition     = contains(["request", "instance"], var.billing)
    error_message = "The billing must be \"request\" or \"instance\"."
  }
}

variable "collector" {
  description = "The Managed Prometheus sidecar that scrapes the ingress container. Without a port it scrapes the ingress port."
  type = object({
    enabled          = optional(bool, true)
    image            = optional(string, "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0")
    port             = optional(number)
    path             = optional(string, "/metrics")
    interval_seconds = optional(number, 30)
    cpu              = optional(string, "1")
    memory           = optional(string, "512Mi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.collector.path, "/")
    error_message = "The path of the collector must start with a slash."
  }

  validation {
    condition     = var.collector.interval_seconds >= 1 && floor(var.collector.interval_seconds) == var.collector.interval_seconds
    error_message = "The interval_seconds of the collector must be a whole number, at least 1. Google Cloud keeps one point per series every 10 seconds at most; less is for local use."
  }

  validation {
    condition     = var.collector.port == null ? true : var.collector.port >= 1 && var.collector.port <= 65535
    error_message = "The port of the collector must be between 1 and 65535."
  }
}

variable "containers" {
  description = "Containers by name. The one with a port takes the requests; a single container may leave it out and gets 8080. Environment variables come from env (plain text) and secrets (Secret Manager)."
  type = map(object({
    image   = string
    port    = optional(number)
    command = optional(list(string), [])
    args    = optional(list(string), [])
    env     = optional(map(string), {})
    secrets = optional(map(object({
      secret  = string
      version = optional(string, "latest")
    })), {})
    cpu               = optional(string, "1")
    memory            = optional(string, "512Mi")
    startup_cpu_boost = optional(bool, false)
    startup_probe = optional(object({
      http = optional(object({
        path = optional(string, "/")
        port = optional(number)
      }))
      tcp = optional(object({
        port = optional(number)
      }))
      initial_delay_seconds = optional(number, 0)
      period_seconds        = optional(number, 10)
      timeout_seconds       = optional(number, 1)
      failure_threshold     = optional(number, 3)
    }))
    liveness_probe = optional(object({
      http = optional(object({
        path = optional(string, "/")
        port = optional(number)
      }))
      tcp = optional(object({
        port = optional(number)
      }))
      initial_delay_seconds = optional(number, 0)
      period_seconds        = optional(number, 10)
      timeout_seconds       = optional(number, 1)
      failure_threshold     = optional(number, 3)
    }))
    depends_on = optional(list(string), [])
  }))
  nullable = false

  validation {
    condition     = length(var.containers) >= 1 && length(var.containers) <= 10
    error_message = "A service has 1 to 10 containers."
  }

  validation {
    condition     = length(var.containers) <= 1 || length([for c in var.containers : c if c.port != null]) == 1
    error_message = "Of several containers exactly one must have a port: that one takes the requests."
  }

  validation {
    condition     = alltrue([for name in keys(var.containers) : can(regex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", name))])
    error_message = "A container name consists of lower-case letters, digits and hyphens, and starts with a letter."
  }

  validation {
    condition     = alltrue([for c in var.containers : trimspace(c.image) != ""])
    error_message = "Every container needs an image."
  }

  validation {
    condition     = alltrue([for c in var.containers : c.port == null ? true : c.port >= 1 && c.port <= 65535])
    error_message = "The port of a container must be between 1 and 65535."
  }

  validation {
    condition     = alltrue([for c in var.containers : length(setintersection(keys(c.env), keys(c.secrets))) == 0])
    error_message = "An environment variable can come from env or from secrets, not from both."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for name in concat(keys(c.env), keys(c.secrets)) :
      can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !contains(["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"], name)
    ]]))
    error_message = "The name of an environment variable consists of letters, digits and underscores; PORT, K_SERVICE, K_REVISION and K_CONFIGURATION are set by Cloud Run."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for s in c.secrets : can(regex("^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$", s.secret)) && can(regex("^(latest|[1-9][0-9]*)$", s.version))
    ]]))
    error_message = "A secret is an id or projects/PROJECT/secrets/ID; its version is a number or \"latest\"."
  }

  validation {
    condition = alltrue([for c in var.containers :
      can(regex("^([0-9]+(\\.[0-9]+)?|[0-9]+m)$", c.cpu)) && can(regex("^[0-9]+(Ki|Mi|Gi|k|M|G)?$", c.memory))
    ])
    error_message = "The cpu is written such as \"1\", \"0.5\" or \"500m\", the memory such as \"512Mi\" or \"2Gi\"."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for p in [c.startup_probe, c.liveness_probe] : p == null ? true : (p.http == null) != (p.tcp == null)
    ]]))
    error_message = "A probe needs exactly one of http and tcp."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for p in [c.startup_probe, c.liveness_probe] : p == null ? true : (
        p.timeout_seconds >= 1 && p.timeout_seconds <= p.period_seconds && p.failure_threshold >= 1 && p.initial_delay_seconds >= 0
        && alltrue([for n in [p.timeout_seconds, p.period_seconds, p.failure_threshold, p.initial_delay_seconds] : floor(n) == n])
      )
    ]]))
    error_message = "The times of a probe are whole seconds: a period of at least 1, a timeout between 1 and the period, and a failure_threshold of at least 1."
  }

  validation {
    condition = alltrue([for c in var.containers : c.startup_probe == null ? true : (
      c.startup_probe.period_seconds <= 240 && c.startup_probe.initial_delay_seconds <= 240
    )])
    error_message = "The period and the initial delay of a startup probe are at most 240 seconds."
  }

  validation {
    condition = alltrue([for c in var.containers : c.liveness_probe == null ? true : (
      c.liveness_probe.period_seconds <= 3600 && c.liveness_probe.initial_delay_seconds <= 240
    )])
    error_message = "The period of a liveness probe is at most 3600 seconds, its initial delay at most 240."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : c.port != null || length(var.containers) == 1 ? [true] : [
      for p in [c.startup_probe, c.liveness_probe] : p == null ? true : try(coalesce(try(p.http.port, null), try(p.tcp.port, null)), null) != null
    ]]))
    error_message = "The probe of a container without a port must name the port."
  }

  validation {
    condition = alltrue(flatten([for name, c in var.containers : [
      for other in c.depends_on : other != name && contains(keys(var.containers), other) && try(var.containers[other].startup_probe, null) != null
    ]]))
    error_message = "A container depends on other containers of the service, and each of these needs a startup_probe."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service."
  type        = bool
  default     = true
  nullable    = false
}

variable "ingress" {
  description = "Where requests may come from: \"all\", \"internal\" or \"internal-and-load-balancer\"."
  type        = string
  default     = "all"
  nullable    = false

  validation {
    condition     = contains(["all", "internal", "internal-and-load-balancer"], var.ingress)
    error_message = "The ingress must be \"all\", \"internal\" or \"internal-and-load-balancer\"."
  }
}

variable "invokers" {
  description = "IAM members that may call the service."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for m in var.invokers :
      can(regex("^(allUsers|allAuthenticatedUsers|(user|group|serviceAccount|domain|principal|principalSet):\\S+)$", m))
    ])
    error_message = "An invoker is written such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."
  }
}

variable "labels" {
  description = "Labels of the service and of what belongs to it."
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

variable "name" {
  description = "Name of the service."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,47}[a-z0-9])?$", var.name))
    error_message = "The name consists of at most 49 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region, such as europe-west1."
  type        = string
  nullable    = false
}

variable "scaling" {
  description = "Instances per revision, and how many requests one instance handles at a time."
  type = object({
    min_instances = optional(number, 0)
    max_instances = optional(number, 10)
    concurrency   = optional(number, 80)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.min_instances >= 0 && var.scaling.max_instances >= 1 && var.scaling.min_instances <= var.scaling.max_instances
    error_message = "The min_instances must not be negative nor above max_instances, which is at least 1."
  }

  validation {
    condition     = var.scaling.concurrency >= 1 && var.scaling.concurrency <= 1000
    error_message = "The concurrency must be between 1 and 1000."
  }

  validation {
    condition     = alltrue([for n in values(var.scaling) : floor(n) == n])
    error_message = "Instances and concurrency are whole numbers."
  }
}

variable "service_account_email" {
  description = "Account the containers run as. Left empty, the module makes one and grants it what it needs; an account given here keeps the roles it has, and gets access to the collector's configuration only."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.service_account_email == "" || can(regex("^[^@\\s]+@[^@\\s]+$", var.service_account_email))
    error_message = "The service_account_email must be an email address, or empty."
  }
}

variable "timeout_seconds" {
  description = "Longest time a request may take."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 3600 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "The timeout_seconds must be a whole number between 1 and 3600."
  }
}
