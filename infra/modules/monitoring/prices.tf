# Data, not code: what Cloud Run cost when this was written. `cost.prices` takes their place.
locals {
  list_prices_of = {
    date     = "2026-08"
    source   = "Google Cloud billing catalogue, Cloud Run, tier 1 regions, list prices before free amounts"
    currency = "USD"
  }

  list_prices = {
    instance = {
      vcpu_second      = 0.000018
      gib_second       = 0.000002
      million_requests = 0
    }
    request = {
      vcpu_second      = 0.000024
      gib_second       = 0.0000025
      million_requests = 0.4
    }
  }
}
