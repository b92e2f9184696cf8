# A channel cannot be deleted while a policy names it: create_before_destroy changes the policies first.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.channels.emails

  project      = var.project
  display_name = "${var.service}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = local.user_labels

  lifecycle {
    create_before_destroy = true
  }
}

# The secrets are write-only: Terraform sends them and keeps them neither in the plan nor in the state. A change
# of the version makes it send them again.

resource "google_monitoring_notification_channel" "slack" {
  for_each = var.channels.slack

  project      = var.project
  display_name = "${var.service}: ${each.value.channel_name}"
  type         = "slack"
  labels       = { channel_name = each.value.channel_name }
  user_labels  = local.user_labels

  sensitive_labels {
    auth_token_wo         = var.channel_secrets[each.key]
    auth_token_wo_version = each.value.version
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_monitoring_notification_channel" "pagerduty" {
  for_each = var.channels.pagerduty

  project      = var.project
  display_name = "${var.service}: ${each.key}"
  type         = "pagerduty"
  user_labels  = local.user_labels

  sensitive_labels {
    service_key_wo         = var.channel_secrets[each.key]
    service_key_wo_version = each.value.version
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_monitoring_notification_channel" "webhook" {
  for_each = var.channels.webhooks

  project      = var.project
  display_name = "${var.service}: ${each.key}"
  type         = "webhook_basicauth"
  labels       = { url = each.value.url, username = each.value.username }
  user_labels  = local.user_labels

  sensitive_labels {
    password_wo         = var.channel_secrets[each.key]
    password_wo_version = each.value.version
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  made_channels = concat(
    values(google_monitoring_notification_channel.email),
    values(google_monitoring_notification_channel.slack),
    values(google_monitoring_notification_channel.pagerduty),
    values(google_monitoring_notification_channel.webhook),
  )
  channels = sort(concat([for channel in local.made_channels : channel.name], tolist(var.channels.existing)))
}
