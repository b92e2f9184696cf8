module "service" {
  source   = "./modules/service"
  invokers = ["serviceAccount:caller@shop-prod.iam.gserviceaccount.com", "group:staff@example.com"]
}

module "landing" {
  source       = "../modules/service"
  allow_public = true
  invokers     = ["allUsers"]
}

module "perhaps" {
  source       = "./modules/service"
  allow_public = var.public
  invokers     = ["allUsers"]
}

module "other" {
  source   = "./modules/registry"
  invokers = ["allUsers"]
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  role   = "roles/run.invoker"
  member = var.member
}

resource "google_cloud_run_v2_service_iam_binding" "callers" {
  role    = "roles/run.invoker"
  members = concat(var.members, ["allUsers"])
}

data "google_iam_policy" "bucket" {
  binding {
    role    = "roles/storage.objectViewer"
    members = ["allUsers"]
  }
}
