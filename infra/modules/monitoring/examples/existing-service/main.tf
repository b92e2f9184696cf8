# Alerts for a Cloud Run service that is there already, whatever deploys it. The token of Slack comes from Secret
# Manager when Terraform runs, and is kept neither in the plan nor in the state:
#
#   TF_VAR_slack_token="$(gcloud secrets versions access latest --secret=slack-token)" terraform apply

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.44"
    }
  }
}

variable "project" {
  description = "Project id of the service."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "service" {
  description = "Name of the service."
  type        = string
}

variable "slack_token" {
  description = "Token of the Slack application that may post to #oncall."
  type        = string
  ephemeral   = true
  sensitive   = true
}

provider "google" {
  project = var.project
  region  = var.region
}

module "monitoring" {
  source = "../.."

  project = var.project
  region  = var.region
  service = var.service

  channels = {
    emails = ["oncall@example.com"]
    slack  = { chat = { channel_name = "#oncall" } }
  }

  channel_secrets = { chat = var.slack_token }

  slo = {
    availability    = 0.999
    latency         = 0.95
    latency_seconds = 0.5
  }

  # What the service is configured to: instances and their cost are held against it.
  scaling = {
    min_instances = 1
    concurrency   = 40
  }

  cost = {
    billing    = "request"
    vcpu       = 2
    memory_gib = 1
  }

  alerts = {
    monthly_cost = { budget = 150 }
    restarts     = { minimum = 10 }
    # This service keeps a connection for each of its users.
    connection_ratio = { enabled = false }
  }
}

output "alert_policies" {
  description = "Full names of the alert policies by kind."
  value       = module.monitoring.alert_policies
}
