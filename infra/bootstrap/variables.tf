variable "apis" {
  description = "Further APIs to switch on, such as sqladmin.googleapis.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for api in var.apis : can(regex("^[a-z][a-z0-9.-]+\\.googleapis\\.com$", api))])
    error_message = "An API is written such as sqladmin.googleapis.com."
  }
}

variable "deployer" {
  description = "Id of the account that deploys."
  type        = string
  default     = "tidegate-deployer"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{4,28}[a-z0-9])$", var.deployer))
    error_message = "The deployer is an account id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "github" {
  description = "Who deploys from GitHub Actions: the number of the owner (gh api users/OWNER --jq .id), the repositories OWNER/NAME, and refs such as refs/heads/main; without refs all of them. Without an owner_id nothing is made."
  type = object({
    owner_id     = optional(string, "")
    repositories = optional(set(string), [])
    refs         = optional(set(string), [])
    pool         = optional(string, "github")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[0-9]*$", var.github.owner_id))
    error_message = "The owner_id is the number of the owner, not its name: a name can be taken by somebody else."
  }

  validation {
    condition     = var.github.owner_id == "" ? length(var.github.repositories) == 0 && length(var.github.refs) == 0 : length(var.github.repositories) > 0
    error_message = "For GitHub name both, the owner_id and at least one repository."
  }

  validation {
    condition     = alltrue([for name in var.github.repositories : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", name))])
    error_message = "A repository is written OWNER/NAME."
  }

  validation {
    condition     = alltrue([for ref in var.github.refs : can(regex("^refs/(heads|tags)/[A-Za-z0-9._/-]+$", ref))])
    error_message = "A ref is written such as refs/heads/main; patterns are not supported."
  }

  validation {
    condition     = can(regex("^[a-z0-9-]{4,32}$", var.github.pool)) && !startswith(var.github.pool, "gcp-")
    error_message = "The pool is an id: 4 to 32 lower-case letters, digits and hyphens, not starting with gcp-."
  }
}

variable "grantable_roles" {
  description = "Roles on the project that the deployer may give to the accounts it makes. Roles of a spec's `roles` have to be among them."
  type        = set(string)
  default     = ["roles/cloudsql.client", "roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/monitoring.viewer"]
  nullable    = false

  validation {
    condition     = length(var.grantable_roles) >= 1 && length(var.grantable_roles) <= 10
    error_message = "Between 1 and 10 roles can be grantable."
  }

  validation {
    condition     = length(setintersection(var.grantable_roles, ["roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin", "roles/iam.securityAdmin"])) == 0
    error_message = "With owner, editor, projectIamAdmin or securityAdmin grantable the deployer could make itself anything."
  }

  validation {
    condition     = alltrue([for role in var.grantable_roles : can(regex("^(roles|(projects|organizations)/[^/']+/roles)/[A-Za-z0-9_.]+$", role))])
    error_message = "A role is written roles/NAME, or projects/PROJECT/roles/NAME for one of your own."
  }
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Where the bucket is: a region such as europe-west1, or EU, US, ASIA."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z]+-[a-z]+[0-9]+|eu|us|asia)$", lower(var.location)))
    error_message = "The location is a region such as europe-west1, or EU, US or ASIA."
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

variable "roles" {
  description = "Further roles of the deployer on the project."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setintersection(var.roles, ["roles/owner", "roles/editor"])) == 0
    error_message = "The roles owner and editor hold far more than a deployment needs; name the roles it does need."
  }
}

variable "runtime_accounts" {
  description = "Accounts, by email in this project, that services run as. With any given the deployer makes no accounts and grants no roles; specs then name them as service_account."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.runtime_accounts : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "A runtime account is an email address."
  }
}

variable "state" {
  description = "The bucket of the states, PROJECT-tidegate-state if not named, and what is kept of earlier versions: a version goes when it is older than keep_days and has keep_versions newer ones."
  type = object({
    bucket        = optional(string, "")
    keep_days     = optional(number, 90)
    keep_versions = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])?$", var.state.bucket))
    error_message = "The name of a bucket consists of 3 to 63 lower-case letters, digits, dots, hyphens and underscores, without gs://."
  }

  validation {
    condition     = alltrue([for n in [var.state.keep_days, var.state.keep_versions] : n >= 1 && floor(n) == n])
    error_message = "The keep_days and keep_versions are whole numbers, at least 1."
  }
}
