"""What stands around services and their monitoring: jobs, their schedules, buckets, identities, APIs."""

from __future__ import annotations

from google.cloud import run_v2

from tidegate.local.table import Call, Http, Method, policy_methods, rest_only
from tidegate.local.world import World
from tidegate.local.world import protos as p

# fmt: off
# One row per method, so that the table can be read as one.


def platform_methods(world: World) -> tuple[Method, ...]:
    """In the order in which REST requests are matched."""
    return (
        *_jobs(world),
        *_scheduler(world),
        *_buckets(world),
        *_identity(world),
        *_usage(world),
    )


def _jobs(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.run.v2.Jobs", world.jobs
    single = "projects/*/locations/*/jobs/*"
    many, one = "/v2/{parent=projects/*/locations/*}/jobs", f"/v2/{{name={single}}}"
    create, get, listed = run_v2.CreateJobRequest, run_v2.GetJobRequest, run_v2.ListJobsRequest
    update, delete, run = run_v2.UpdateJobRequest, run_v2.DeleteJobRequest, run_v2.RunJobRequest

    def existing(resource: str) -> str:
        return str(it.find(resource).name)

    return (
        Method(f"{name}/CreateJob", p.raw(create), p.Operation, it.create, (Http("POST", many, "job"),)),
        Method(f"{name}/GetJob", p.raw(get), p.Job, it.get, (Http("GET", one),)),
        Method(f"{name}/ListJobs", p.raw(listed), p.ListJobsResponse, it.list, (Http("GET", many),)),
        Method(f"{name}/UpdateJob", p.raw(update), p.Operation, it.update,
               (Http("PATCH", f"/v2/{{job.name={single}}}", "job"),)),
        Method(f"{name}/DeleteJob", p.raw(delete), p.Operation, it.delete, (Http("DELETE", one),)),
        Method(f"{name}/RunJob", p.raw(run), p.Operation, it.run, (Http("POST", f"{one}:run", "*"),)),
        *policy_methods(world, name, f"/v2/{{resource={single}}}", "GET", existing),
    )


def _scheduler(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.scheduler.v1.CloudScheduler", world.scheduler
    many = "/v1/{parent=projects/*/locations/*}/jobs"
    one = "/v1/{name=projects/*/locations/*/jobs/*}"
    return (
        rest_only(f"{name}/ListJobs", "GET", many, lambda c: it.list(c.path["parent"])),
        rest_only(f"{name}/CreateJob", "POST", many, lambda c: it.create(c.path["parent"], c.body)),
        rest_only(f"{name}/GetJob", "GET", one, lambda c: it.get(c.path["name"])),
        rest_only(f"{name}/UpdateJob", "PATCH", one, lambda c: it.update(c.path["name"], c.body)),
        rest_only(f"{name}/DeleteJob", "DELETE", one, lambda c: it.delete(c.path["name"])),
        rest_only(f"{name}/PauseJob", "POST", f"{one}:pause", lambda c: it.turn(c.path["name"], "PAUSED")),
        rest_only(f"{name}/ResumeJob", "POST", f"{one}:resume", lambda c: it.turn(c.path["name"], "ENABLED")),
    )


def _buckets(world: World) -> tuple[Method, ...]:
    name, it = "google.storage.v1.Storage", world.buckets
    many, one = "/storage/v1/b", "/storage/v1/b/{bucket}"
    return (
        rest_only(f"{name}/ListBuckets", "GET", many, lambda c: it.list(c.query.get("project", ""))),
        rest_only(f"{name}/CreateBucket", "POST", many,
                  lambda c: it.create(c.query.get("project", ""), c.body)),
        rest_only(f"{name}/GetBucket", "GET", one, lambda c: it.get(c.path["bucket"])),
        rest_only(f"{name}/PatchBucket", "PATCH", one, lambda c: it.update(c.path["bucket"], c.body)),
        rest_only(f"{name}/DeleteBucket", "DELETE", one, lambda c: it.delete(c.path["bucket"])),
        rest_only(f"{name}/GetBucketIamPolicy", "GET", f"{one}/iam", lambda c: it.policy(c.path["bucket"])),
        rest_only(f"{name}/SetBucketIamPolicy", "PUT", f"{one}/iam",
                  lambda c: it.set_policy(c.path["bucket"], c.body)),
    )


def _identity(world: World) -> tuple[Method, ...]:
    name, it = "google.iam.v1.WorkloadIdentityPools", world.identity_pools
    pools, providers = "workloadIdentityPools", "providers"
    pool, provider = f"projects/*/locations/*/{pools}/*", f"projects/*/locations/*/{pools}/*/providers/*"

    def rows(what: str, kind: str, parent: str, single: str, chosen: str) -> tuple[Method, ...]:
        many, one = f"/v1/{{parent={parent}}}/{kind}", f"/v1/{{name={single}}}"

        def create(c: Call) -> dict[str, object]:
            return it.create(c.path["parent"], kind, c.query.get(chosen, ""), c.body)

        return (
            rest_only(f"{name}/Create{what}", "POST", many, create),
            rest_only(f"{name}/List{what}s", "GET", many, lambda c: it.list(c.path["parent"], kind)),
            rest_only(f"{name}/Get{what}", "GET", one, lambda c: it.get(c.path["name"])),
            rest_only(f"{name}/Update{what}", "PATCH", one,
                      lambda c: it.update(c.path["name"], kind, c.body, c.query.get("updateMask", ""))),
            rest_only(f"{name}/Delete{what}", "DELETE", one, lambda c: it.delete(c.path["name"])),
            rest_only(f"{name}/Undelete{what}", "POST", f"{one}:undelete",
                      lambda c: it.undelete(c.path["name"])),
        )

    return (
        *rows("WorkloadIdentityPool", pools, "projects/*/locations/*", pool, "workloadIdentityPoolId"),
        *rows("WorkloadIdentityPoolProvider", providers, pool, provider, "workloadIdentityPoolProviderId"),
        rest_only(f"{name}/GetOperation", "GET", f"/v1/{{name={pool}/operations/*}}",
                  lambda c: it.operation(c.path["name"])),
        rest_only(f"{name}/GetProviderOperation", "GET", f"/v1/{{name={provider}/operations/*}}",
                  lambda c: it.operation(c.path["name"])),
    )


def _usage(world: World) -> tuple[Method, ...]:
    name, it = "google.api.serviceusage.v1.ServiceUsage", world.service_usage
    many, one = "/v1/projects/{project}/services", "/v1/{name=projects/*/services/*}"
    return (
        rest_only(f"{name}/ListServices", "GET", many, lambda c: it.list(c.path["project"])),
        rest_only(f"{name}/BatchEnableServices", "POST", f"{many}:batchEnable",
                  lambda c: it.enable(c.path["project"], c.body.get("serviceIds") or ())),
        rest_only(f"{name}/GetService", "GET", one, lambda c: it.get(c.path["name"])),
        rest_only(f"{name}/DisableService", "POST", f"{one}:disable", lambda c: it.disable(c.path["name"])),
        rest_only(f"{name}/GetOperation", "GET", "/v1/{name=operations/*}",
                  lambda c: it.operation(c.path["name"])),
    )


# fmt: on
