module "service" {
  source = "./modules/service"
  collector = {
    enabled = false # expect TG111
  }
}
