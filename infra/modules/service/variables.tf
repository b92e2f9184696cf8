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

variable "binary_authorization" {
  description = "Whether only images that Binary Authorization lets through are run: by the policy of the project, or by a platform policy named here. The breakglass_justification lets a refused image run all the same, and is logged."
  type = object({
    enabled                  = optional(bool, false)
    policy                   = optional(string)
    breakglass_justification = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.binary_authorization.policy == null ? true : can(regex("^projects/[^/]+/platforms/cloudRun/policies/[^/]+$", var.binary_authorization.policy))
    error_message = "A policy of Binary Authorization is written projects/PROJECT/platforms/cloudRun/policies/NAME."
  }

  validation {
    condition     = var.binary_authorization.enabled || (var.binary_authorization.policy == null && var.binary_authorization.breakglass_justification == null)
    error_message = "A policy or justification for Binary Authorization does nothing unless it is enabled."
  }
}

variable "cloud_sql" {
  description = "Connection names of Cloud SQL instances, PROJECT:REGION:INSTANCE. Their sockets appear in /cloudsql of every container but the collector, and the service's own account may connect to them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.cloud_sql : can(regex("^([a-z0-9.-]+:)?[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+$", name))])
    error_message = "A Cloud SQL instance is written PROJECT:REGION:INSTANCE."
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
  description = "Containers by name. The one with a port takes the requests; a single container may leave it out and gets 8080. Environment variables come from env (plain text) and secrets (Secret Manager); mounts say where the volumes of that name appear."
  type = map(object({
    image       = string
    port        = optional(number)
    http2       = optional(bool, false)
    command     = optional(list(string), [])
    args        = optional(list(string), [])
    working_dir = optional(string, "")
    env         = optional(map(string), {})
    secrets = optional(map(object({
      secret  = string
      version = optional(string, "latest")
    })), {})
    cpu               = optional(string, "1")
    memory            = optional(string, "512Mi")
    startup_cpu_boost = optional(bool, false)
    startup_probe = optional(object({
      http = optional(object({
        path    = optional(string, "/")
        port    = optional(number)
        headers = optional(map(string), {})
      }))
      tcp = optional(object({
        port = optional(number)
      }))
      grpc = optional(object({
        port    = optional(number)
        service = optional(string)
      }))
      initial_delay_seconds = optional(number, 0)
      period_seconds        = optional(number, 10)
      timeout_seconds       = optional(number, 1)
      failure_threshold     = optional(number, 3)
    }))
    liveness_probe = optional(object({
      http = optional(object({
        path    = optional(string, "/")
        port    = optional(number)
        headers = optional(map(string), {})
      }))
      tcp = optional(object({
        port = optional(number)
      }))
      grpc = optional(object({
        port    = optional(number)
        service = optional(string)
      }))
      initial_delay_seconds = optional(number, 0)
      period_seconds        = optional(number, 10)
      timeout_seconds       = optional(number, 1)
      failure_threshold     = optional(number, 3)
    }))
    depends_on = optional(list(string), [])
    mounts     = optional(map(string), {})
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
    condition = alltrue([for c in var.containers :
      can(regex("^[1-9][0-9]{0,4}$", lookup(c.env, "TIDEGATE_COLLECT_PORT", "1"))) && try(tonumber(c.env["TIDEGATE_COLLECT_PORT"]) <= 65535, true)
    ])
    error_message = "TIDEGATE_COLLECT_PORT is the port that is scraped: a number between 1 and 65535."
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
      for p in [c.startup_probe, c.liveness_probe] : p == null ? true : length([for kind in [p.http, p.tcp, p.grpc] : kind if kind != null]) == 1
    ]]))
    error_message = "A probe needs exactly one of http, tcp and grpc."
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
      && c.startup_probe.period_seconds * c.startup_probe.failure_threshold <= 240
    )])
    error_message = "The period and the initial delay of a startup probe are at most 240 seconds, and so is the period times the failure_threshold."
  }

  validation {
    condition = alltrue([for c in var.containers : c.liveness_probe == null ? true : (
      c.liveness_probe.period_seconds <= 3600 && c.liveness_probe.initial_delay_seconds <= 240
    )])
    error_message = "The period of a liveness probe is at most 3600 seconds, its initial delay at most 240."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : c.port != null || length(var.containers) == 1 ? [true] : [
      for p in [c.startup_probe, c.liveness_probe] : p == null ? true : try(coalesce(try(p.http.port, null), try(p.tcp.port, null), try(p.grpc.port, null)), null) != null
    ]]))
    error_message = "The probe of a container without a port must name the port."
  }

  validation {
    condition = alltrue(flatten([for name, c in var.containers : [
      for other in c.depends_on : other != name && contains(keys(var.containers), other) && try(var.containers[other].startup_probe, null) != null
    ]]))
    error_message = "A container depends on other containers of the service, and each of these needs a startup_probe."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for p in [c.startup_probe, c.liveness_probe] : startswith(try(p.http.path, "/"), "/")
    ]]))
    error_message = "The path of a probe starts with a slash."
  }

  validation {
    condition     = alltrue([for c in var.containers : !c.http2 || c.port != null || length(var.containers) == 1])
    error_message = "Only the container that takes the requests can have http2."
  }

  validation {
    condition     = alltrue([for c in var.containers : c.working_dir == "" || startswith(c.working_dir, "/")])
    error_message = "The working_dir of a container is an absolute path."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      for path in values(c.mounts) : can(regex("^(/[^/]+)+$", path)) && !can(regex("^/(dev|proc|sys)(/|$)", path))
    ]]))
    error_message = "A volume is mounted at an absolute path below the root and outside of /dev, /proc and /sys, without a slash at its end."
  }

  validation {
    condition     = alltrue([for c in var.containers : length(distinct(values(c.mounts))) == length(c.mounts)])
    error_message = "Two volumes cannot be mounted at the same path of one container."
  }
}

variable "custom_audiences" {
  description = "Audiences, besides the service's address, for which an identity token is accepted."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service."
  type        = bool
  default     = true
  nullable    = false
}

variable "description" {
  description = "What the service is for, at most 512 characters."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = length(var.description) <= 512
    error_message = "The description has at most 512 characters."
  }
}

variable "encryption_key" {
  description = "Key of Cloud KMS that the images are encrypted with. Left empty, Google's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.encryption_key == "" || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.encryption_key))
    error_message = "An encryption_key is written projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY."
  }
}

variable "execution_environment" {
  description = "The sandbox: \"gen1\" (quicker cold starts), \"gen2\" (full Linux, needed for buckets as volumes), or \"auto\", which leaves it to Cloud Run."
  type        = string
  default     = "auto"
  nullable    = false

  validation {
    condition     = contains(["auto", "gen1", "gen2"], var.execution_environment)
    error_message = "The execution_environment must be \"auto\", \"gen1\" or \"gen2\"."
  }
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

  validation {
    condition     = length(var.labels) <= 64
    error_message = "A service has at most 64 labels."
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

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The project is a project id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter; not a number."
  }
}

variable "region" {
  description = "Region, such as europe-west1."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "The region is written such as europe-west1; a zone such as europe-west1-b is none."
  }
}

variable "roles" {
  description = "Further roles on the project for the account the module makes, such as roles/cloudtrace.agent."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.roles : can(regex("^(roles|(projects|organizations)/[^/]+/roles)/[A-Za-z0-9_.]+$", role))])
    error_message = "A role is written roles/NAME, or projects/PROJECT/roles/NAME for one of your own."
  }

  validation {
    condition     = length(setintersection(var.roles, ["roles/owner", "roles/editor", "roles/viewer"])) == 0
    error_message = "The roles owner, editor and viewer hold far more than a service needs; name the roles it does need."
  }
}

variable "scaling" {
  description = "Instances of each revision, and how many requests one of them handles at a time. Under service are the limits of all revisions together: its minimum is spread over them by their traffic, and instances switches autoscaling off for a fixed number."
  type = object({
    min_instances = optional(number, 0)
    max_instances = optional(number, 10)
    concurrency   = optional(number, 80)
    service = optional(object({
      min_instances = optional(number, 0)
      max_instances = optional(number)
      instances     = optional(number)
    }), {})
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
    condition = alltrue([for n in [
      var.scaling.min_instances, var.scaling.max_instances, var.scaling.concurrency,
      var.scaling.service.min_instances, var.scaling.service.max_instances, var.scaling.service.instances
    ] : n == null ? true : floor(n) == n && n >= 0])
    error_message = "Instances and concurrency are whole numbers, none of them negative."
  }

  validation {
    condition     = var.scaling.service.max_instances == null ? true : var.scaling.service.max_instances >= max(1, var.scaling.service.min_instances)
    error_message = "The max_instances of the service must be at least 1, and not below its min_instances."
  }

  validation {
    condition     = var.scaling.service.instances == null ? true : var.scaling.service.min_instances == 0 && var.scaling.service.max_instances == null
    error_message = "A fixed number of instances leaves no room for a minimum or maximum of the service."
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

variable "volumes" {
  description = "Volumes by name, each exactly one of: secret (files maps a file name to a version; without files the latest version is a file of the secret's name), bucket (Cloud Storage), memory (shared by the containers, counted as their memory)."
  type = map(object({
    secret = optional(object({
      secret = string
      files  = optional(map(string), {})
      mode   = optional(string, "0444")
    }))
    bucket = optional(object({
      name          = string
      read_only     = optional(bool, true)
      mount_options = optional(list(string), [])
    }))
    memory = optional(object({
      size = optional(string, "64Mi")
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.volumes) : can(regex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", name))])
    error_message = "The name of a volume consists of at most 63 lower-case letters, digits and hyphens, and starts with a letter."
  }

  validation {
    condition     = alltrue([for v in var.volumes : length([for kind in [v.secret, v.bucket, v.memory] : kind if kind != null]) == 1])
    error_message = "A volume is exactly one of secret, bucket and memory."
  }

  validation {
    condition     = length(setintersection(keys(var.volumes), ["cloudsql", "collector-config"])) == 0
    error_message = "The volumes cloudsql and collector-config are the module's own; choose another name."
  }

  validation {
    condition = alltrue([for v in var.volumes : v.secret == null ? true : can(regex("^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$", v.secret.secret)) && alltrue([
      for path, version in v.secret.files : can(regex("^(latest|[1-9][0-9]*)$", version)) && can(regex("^[^/]+(/[^/]+)*$", path)) && !strcontains("/${path}/", "/../")
    ])])
    error_message = "A secret is an id or projects/PROJECT/secrets/ID; its files map a relative path to a version, which is a number or \"latest\"."
  }

  validation {
    condition     = alltrue([for v in var.volumes : v.secret == null ? true : can(regex("^0[0-7]{3}$", v.secret.mode))])
    error_message = "The mode of a secret's files is written in octal, such as \"0444\"."
  }

  validation {
    condition     = alltrue([for v in var.volumes : v.bucket == null ? true : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", v.bucket.name))])
    error_message = "The name of a bucket consists of lower-case letters, digits, dots, hyphens and underscores, without gs://."
  }

  validation {
    condition     = alltrue([for v in var.volumes : v.memory == null ? true : can(regex("^[1-9][0-9]*(Ki|Mi|Gi|k|M|G)$", v.memory.size))])
    error_message = "The size of a volume in memory is written such as \"64Mi\" or \"1Gi\"."
  }
}

variable "vpc" {
  description = "How requests of the service itself leave: directly through a network or subnetwork (of one VPC), or by a connector; neither is without a VPC. The egress is \"private-ranges\" or \"all\"."
  type = object({
    network    = optional(string)
    subnetwork = optional(string)
    tags       = optional(set(string), [])
    connector  = optional(string)
    egress     = optional(string, "private-ranges")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["private-ranges", "all"], var.vpc.egress)
    error_message = "The egress of the vpc must be \"private-ranges\" or \"all\"."
  }

  validation {
    condition     = var.vpc.connector == null || (var.vpc.network == null && var.vpc.subnetwork == null)
    error_message = "The vpc has either a connector or a network and subnetwork, not both."
  }

  validation {
    condition     = length(var.vpc.tags) == 0 || var.vpc.network != null || var.vpc.subnetwork != null
    error_message = "Network tags need direct egress: name the network or subnetwork of the vpc."
  }

  validation {
    condition     = var.vpc.egress == "private-ranges" || var.vpc.connector != null || var.vpc.network != null || var.vpc.subnetwork != null
    error_message = "The egress \"all\" needs a way into a vpc: a network, subnetwork or connector."
  }

  validation {
    condition     = var.vpc.connector == null ? true : can(regex("^projects/[^/]+/locations/[^/]+/connectors/[a-z]([-a-z0-9]*[a-z0-9])?$", var.vpc.connector))
    error_message = "A connector is written projects/PROJECT/locations/REGION/connectors/NAME."
  }

  validation {
    condition     = alltrue([for tag in var.vpc.tags : can(regex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", tag))])
    error_message = "A network tag consists of at most 63 lower-case letters, digits and hyphens, and starts with a letter."
  }
}
