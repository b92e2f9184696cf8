# What the module makes of its arguments, without a project and without credentials: `terraform test`.

mock_provider "google" {}

variables {
  name       = "orders"
  project    = "shop-prod"
  region     = "europe-west1"
  containers = { app = { image = "example/orders:1" } }
}

run "a_service_by_default" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_service.this.template[0].containers) == 2
    error_message = "The collector runs beside the container."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.deletion_protection
    error_message = "A service is protected from being deleted."
  }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "Nobody may call it unless that is said."
  }

  assert {
    condition     = length(google_cloud_run_v2_service.this.template[0].vpc_access) == 0 && length(google_cloud_run_v2_service.this.binary_authorization) == 0
    error_message = "What is not asked for is not there."
  }
}

run "an_account_of_ones_own" {
  command = plan

  variables {
    service_account_email = "orders@shop-prod.iam.gserviceaccount.com"
  }

  assert {
    condition     = length(google_service_account.runtime) == 0 && length(google_project_iam_member.telemetry) == 0
    error_message = "An account that is given keeps the roles it has."
  }
}

run "volumes_and_sockets" {
  command = plan

  variables {
    containers = {
      app = {
        image  = "example/orders:1"
        mounts = { media = "/srv/media" }
      }
    }
    volumes   = { media = { bucket = { name = "shop-media" } } }
    cloud_sql = ["shop-prod:europe-west1:db"]
  }

  assert {
    condition     = [for m in google_cloud_run_v2_service.this.template[0].containers[0].volume_mounts : m.mount_path] == ["/cloudsql", "/srv/media"]
    error_message = "The volume and the sockets are mounted."
  }

  assert {
    condition     = google_storage_bucket_iam_member.volumes["media"].role == "roles/storage.objectViewer"
    error_message = "A bucket that is only read is only readable."
  }
}

run "refuses_at_most_49_lower_case" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "refuses_n_1_to_10_containers" {
  command = plan

  variables {
    containers = {}
  }

  expect_failures = [var.containers]
}

run "refuses_exactly_one_must_have_a_port" {
  command = plan

  variables {
    containers = { a = { image = "x" }, b = { image = "y" } }
  }

  expect_failures = [var.containers]
}

run "refuses_exactly_one_must" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 1 }, b = { image = "y", port = 2 } }
  }

  expect_failures = [var.containers]
}

run "refuses_a_container_name_consists" {
  command = plan

  variables {
    containers = { A = { image = "x" } }
  }

  expect_failures = [var.containers]
}

run "refuses_needs_an_image" {
  command = plan

  variables {
    containers = { a = { image = " " } }
  }

  expect_failures = [var.containers]
}

run "refuses_between_1_and_65535" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 70000 } }
  }

  expect_failures = [var.containers]
}

run "refuses_are_set_by_cloud_run" {
  command = plan

  variables {
    containers = { a = { image = "x", env = { PORT = "1" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_letters_digits_and_underscores" {
  command = plan

  variables {
    containers = { a = { image = "x", env = { "1x" = "1" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_the_port_that_is_scraped" {
  command = plan

  variables {
    containers = { a = { image = "x", env = { TIDEGATE_COLLECT_PORT = "70000" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_not_from_both" {
  command = plan

  variables {
    containers = { a = { image = "x", env = { K = "1" }, secrets = { K = { secret = "s" } } } }
  }

  expect_failures = [var.containers]
}

run "refuses_a_secret_is_an_id" {
  command = plan

  variables {
    containers = { a = { image = "x", secrets = { K = { secret = "a b" } } } }
  }

  expect_failures = [var.containers]
}

run "refuses_the_cpu_is_written" {
  command = plan

  variables {
    containers = { a = { image = "x", cpu = "much" } }
  }

  expect_failures = [var.containers]
}

run "refuses_n_0_08_to_1_or_1_2_4_6_or_8" {
  command = plan

  variables {
    containers = { a = { image = "x", cpu = "3" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_concurrency_1" {
  command = plan

  variables {
    containers = { a = { image = "x", cpu = "500m" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_does_not_fit_the_cpu" {
  command = plan

  variables {
    containers = { a = { image = "x", cpu = "4", memory = "1Gi" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_does_not_fit_the_cpu_2" {
  command = plan

  variables {
    containers = { a = { image = "x", memory = "8Gi" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_exactly_one_of_http_tcp_and_grpc" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = {} } }
  }

  expect_failures = [var.containers]
}

run "refuses_exactly_one_of_http_tcp" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = { tcp = {}, grpc = {} } } }
  }

  expect_failures = [var.containers]
}

run "refuses_starts_with_a_slash" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = { http = { path = "up" } } } }
  }

  expect_failures = [var.containers]
}

run "refuses_the_period_times_the_failure_threshold" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = { tcp = {}, failure_threshold = 25 } } }
  }

  expect_failures = [var.containers]
}

run "refuses_an_absolute_path" {
  command = plan

  variables {
    containers = { a = { image = "x", working_dir = "srv" } }
  }

  expect_failures = [var.containers]
}

run "refuses_outside_of_dev_proc_and_sys" {
  command = plan

  variables {
    containers = { a = { image = "x", mounts = { data = "/proc/x" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_without_a_slash_at_its_end" {
  command = plan

  variables {
    containers = { a = { image = "x", mounts = { data = "/data/" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_at_the_same_path" {
  command = plan

  variables {
    containers = { a = { image = "x", mounts = { b = "/d", c = "/d" } } }
  }

  expect_failures = [var.containers]
}

run "refuses_not_among_the_volumes_data" {
  command = plan

  variables {
    containers = { a = { image = "x", mounts = { data = "/data" } } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_takes_the_requests_can_have_http2" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 80 }, b = { image = "y", http2 = true } }
  }

  expect_failures = [var.containers]
}

run "refuses_goes_round_in_a_circle_b_c_wait" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 80 }, b = { image = "y", depends_on = ["c"], startup_probe = { tcp = { port = 1 } } }, c = { image = "z", depends_on = ["b"], startup_probe = { tcp = { port = 2 } } } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_at_most_8_cpus_and_32gi" {
  command = plan

  variables {
    containers = { a = { image = "x", cpu = "8", memory = "4Gi" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_not_below_its_min_instances" {
  command = plan

  variables {
    scaling = { service = { min_instances = 3, max_instances = 2 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_leaves_no_room" {
  command = plan

  variables {
    scaling = { service = { min_instances = 1, instances = 2 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_name_of_a_volume_consists" {
  command = plan

  variables {
    volumes = { Data = { memory = {} } }
  }

  expect_failures = [var.volumes]
}

run "refuses_are_the_module_s_own" {
  command = plan

  variables {
    volumes = { cloudsql = { memory = {} } }
  }

  expect_failures = [var.volumes]
}

run "refuses_exactly_one_of_secret_bucket_and_memory" {
  command = plan

  variables {
    volumes = { data = {} }
  }

  expect_failures = [var.volumes]
}

run "refuses_relative_path" {
  command = plan

  variables {
    volumes = { data = { secret = { secret = "k", files = { "../x" = "1" } } } }
  }

  expect_failures = [var.volumes]
}

run "refuses_which_is_a_number" {
  command = plan

  variables {
    volumes = { data = { secret = { secret = "k", files = { x = "new" } } } }
  }

  expect_failures = [var.volumes]
}

run "refuses_octal" {
  command = plan

  variables {
    volumes = { data = { secret = { secret = "k", mode = "444" } } }
  }

  expect_failures = [var.volumes]
}

run "refuses_without_gs" {
  command = plan

  variables {
    volumes = { data = { bucket = { name = "gs://b" } } }
  }

  expect_failures = [var.volumes]
}

run "refuses_such_as_64mi" {
  command = plan

  variables {
    volumes = { data = { memory = { size = "much" } } }
  }

  expect_failures = [var.volumes]
}

run "refuses_project_region_instance" {
  command = plan

  variables {
    cloud_sql = ["db"]
  }

  expect_failures = [var.cloud_sql]
}

run "refuses_private_ranges_or_all" {
  command = plan

  variables {
    vpc = { egress = "some" }
  }

  expect_failures = [var.vpc]
}

run "refuses_needs_a_way_into_a_vpc" {
  command = plan

  variables {
    vpc = { egress = "all" }
  }

  expect_failures = [var.vpc]
}

run "refuses_need_direct_egress" {
  command = plan

  variables {
    vpc = { tags = ["web"] }
  }

  expect_failures = [var.vpc]
}

run "refuses_a_connector_is_written" {
  command = plan

  variables {
    vpc = { connector = "vpc" }
  }

  expect_failures = [var.vpc]
}

run "refuses_not_both" {
  command = plan

  variables {
    vpc = { network = "n", connector = "projects/p/locations/europe-west1/connectors/c" }
  }

  expect_failures = [var.vpc]
}

run "refuses_in_another_region" {
  command = plan

  variables {
    vpc = { connector = "projects/p/locations/us-east1/connectors/c" }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_a_network_tag_consists" {
  command = plan

  variables {
    vpc = { network = "n", tags = ["Web"] }
  }

  expect_failures = [var.vpc]
}

run "refuses_auto_gen1_or_gen2" {
  command = plan

  variables {
    execution_environment = "gen3"
  }

  expect_failures = [var.execution_environment]
}

run "refuses_platforms_cloudrun_policies" {
  command = plan

  variables {
    binary_authorization = { enabled = true, policy = "mine" }
  }

  expect_failures = [var.binary_authorization]
}

run "refuses_unless_it_is_enabled" {
  command = plan

  variables {
    binary_authorization = { policy = "projects/p/platforms/cloudRun/policies/x" }
  }

  expect_failures = [var.binary_authorization]
}

run "refuses_at_most_512_characters" {
  command = plan

  variables {
    description = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
  }

  expect_failures = [var.description]
}

run "refuses_cryptokeys_key" {
  command = plan

  variables {
    encryption_key = "mine"
  }

  expect_failures = [var.encryption_key]
}

run "refuses_far_more_than_a_service_needs" {
  command = plan

  variables {
    roles = ["roles/editor"]
  }

  expect_failures = [var.roles]
}

run "refuses_a_role_is_written" {
  command = plan

  variables {
    roles = ["writer"]
  }

  expect_failures = [var.roles]
}

run "refuses_not_a_number" {
  command = plan

  variables {
    project = "123456789012"
  }

  expect_failures = [var.project]
}

run "refuses_a_zone_such_as" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "refuses_timeout_between_1_and_the_period" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = { tcp = {}, timeout_seconds = 20 } } }
  }

  expect_failures = [var.containers]
}

run "refuses_at_most_240" {
  command = plan

  variables {
    containers = { a = { image = "x", startup_probe = { tcp = {}, period_seconds = 241 } } }
  }

  expect_failures = [var.containers]
}

run "refuses_must_name_the_port" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 1 }, b = { image = "y", liveness_probe = { http = {} } } }
  }

  expect_failures = [var.containers]
}

run "refuses_each_of_these_needs_a_startup_probe" {
  command = plan

  variables {
    containers = { a = { image = "x", port = 1 }, b = { image = "y", depends_on = ["a"] } }
  }

  expect_failures = [var.containers]
}

run "refuses_taken_by_the_sidecar" {
  command = plan

  variables {
    containers = { collector = { image = "x" } }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_allow_public_true" {
  command = plan

  variables {
    invokers = ["allUsers"]
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_allow_public_true_2" {
  command = plan

  variables {
    invokers = ["allAuthenticatedUsers"]
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "refuses_an_invoker_is_written" {
  command = plan

  variables {
    invokers = ["somebody"]
  }

  expect_failures = [var.invokers]
}

run "refuses_the_ingress_must_be" {
  command = plan

  variables {
    ingress = "everywhere"
  }

  expect_failures = [var.ingress]
}

run "refuses_the_billing_must_be" {
  command = plan

  variables {
    billing = "none"
  }

  expect_failures = [var.billing]
}

run "refuses_nor_above_max_instances" {
  command = plan

  variables {
    scaling = { min_instances = 5, max_instances = 2 }
  }

  expect_failures = [var.scaling]
}

run "refuses_between_1_and_1000" {
  command = plan

  variables {
    scaling = { concurrency = 1001 }
  }

  expect_failures = [var.scaling]
}

run "refuses_between_1_and_3600" {
  command = plan

  variables {
    timeout_seconds = 3601
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_label_keys" {
  command = plan

  variables {
    labels = { "Team" = "x" }
  }

  expect_failures = [var.labels]
}

run "refuses_must_start_with_a_slash" {
  command = plan

  variables {
    collector = { path = "metrics" }
  }

  expect_failures = [var.collector]
}

run "refuses_must_be_an_email_address" {
  command = plan

  variables {
    service_account_email = "nobody"
  }

  expect_failures = [var.service_account_email]
}
