//! Whether the project has room for what is made: what there is and what is promised, what comes, and the limit.

use std::collections::BTreeSet;

use paas_core::{graph::Desired, preflight::Finding, resource::Key};

use super::{
    facts::{Facts, Silence},
    needs::{Amount, Counted, Made, Needs},
    silent,
};
use crate::{
    block_storage::VolumeQuota,
    codes::{OS_NO_SERVICE, OS_ROOM},
    compute::{Flavor, Limits},
    network::NetworkQuota,
    provider::{choice::Choice, kinds::Server, lookup, resource::OpenStackResource},
    wire::Quota,
};

/// Everything that there is no room for, and every quota that was not told.
pub(super) fn judge(needs: &Needs<'_>, facts: &Facts, desired: &Desired<OpenStackResource>) -> Vec<Finding> {
    let mut found = Vec::new();
    match &facts.compute {
        None => {}
        Some(Ok(limits)) => {
            compute(needs, facts, limits, &mut found);
            members(needs, desired, limits, &mut found);
        }
        Some(Err(silence)) => found.push(silent("the quota of Nova", silence)),
    }
    match &facts.network {
        None => {}
        Some(Ok(quota)) => network(needs, quota, &mut found),
        Some(Err(silence)) => found.push(silent("the quota of Neutron", silence)),
    }
    match &facts.storage {
        None => {}
        Some(Ok(quota)) => storage(needs, quota, &mut found),
        Some(Err(Silence::Said(e))) if e.code() == &OS_NO_SERVICE => {
            let finding = Finding::error(&OS_NO_SERVICE, e.words());
            found.push(finding.remedy("leave volumeSize and dataVolumeSize out: it works without Cinder"));
        }
        Some(Err(silence)) => found.push(silent("the quota of Cinder", silence)),
    }
    match &facts.balancers {
        None => {}
        Some(Ok(quota)) => {
            let advice = "or set loadBalancer: false";
            let amount = needs.amount(Counted::LoadBalancers);
            found.extend(room("load balancers", "", amount, *quota, advice));
        }
        Some(Err(Silence::Said(e))) if e.code() == &OS_NO_SERVICE => {
            let finding = Finding::error(&OS_NO_SERVICE, e.words());
            found.push(finding.remedy("set loadBalancer: false: it works without Octavia"));
        }
        Some(Err(silence)) => found.push(silent("the quota of Octavia", silence)),
    }
    found
}

fn compute(needs: &Needs<'_>, facts: &Facts, limits: &Limits, found: &mut Vec<Finding>) {
    let quota = |limit: Option<i64>, in_use| Quota {
        limit: limit.unwrap_or(-1),
        in_use,
        reserved: 0,
    };
    let mut ask = |what, unit, amount, limit, in_use, advice| {
        found.extend(room(what, unit, amount, quota(limit, in_use), advice));
    };
    let fewer = "or want fewer machines";
    let smaller = "or choose a smaller flavor or fewer machines";
    let instances = needs.amount(Counted::Instances);
    ask(
        "servers",
        "",
        instances,
        limits.max_instances,
        limits.instances_used,
        fewer,
    );
    if let Some(Ok(flavors)) = &facts.flavors {
        let cores = sizes(needs, flavors, |f| u64::from(f.vcpus));
        ask("cores", "", cores, limits.max_cores, limits.cores_used, smaller);
        let memory = sizes(needs, flavors, |f| f.ram);
        ask("memory", " MiB", memory, limits.max_ram, limits.ram_used, smaller);
    }
    let groups = needs.amount(Counted::ServerGroups);
    let off = "or set antiAffinity: Off";
    let (most, used) = (limits.max_server_groups, limits.server_groups_used);
    ask("server groups", "", groups, most, used, off);
    if let Some(Ok(used)) = facts.key_pairs {
        let pairs = needs.amount(Counted::KeyPairs);
        let advice = "or delete key pairs of this user that nobody needs";
        ask("key pairs", "", pairs, limits.max_keypairs, used, advice);
    }
}

/// A group of servers has a limit of its own, whoever is in it.
fn members(
    needs: &Needs<'_>,
    desired: &Desired<OpenStackResource>,
    limits: &Limits,
    found: &mut Vec<Finding>,
) {
    let Some(most) = limits
        .max_server_group_members
        .and_then(|n| usize::try_from(n).ok())
    else {
        return;
    };
    let groups: BTreeSet<&Key> = needs
        .servers
        .iter()
        .filter_map(|s| s.want.group.as_ref())
        .collect();
    for group in groups {
        let is_in = |it: &&OpenStackResource| matches!(it, OpenStackResource::Server(s) if s.group.as_ref() == Some(group));
        let wanted = desired.wanted().values().filter(is_in).count();
        if wanted > most {
            let what = format!("{wanted} servers are wanted in one server group, {most} may be");
            let remedy = format!(
                "ask for a quota of {wanted} members of a server group, or set antiAffinity: Off, or use smaller pools"
            );
            found.push(Finding::error(&OS_ROOM, what).about(group).remedy(remedy));
        }
    }
}

/// What servers have in them. A flavor that cannot be found counts nothing here: that it is missing is a finding of its own.
fn sizes(needs: &Needs<'_>, flavors: &[Flavor], of: impl Fn(&Flavor) -> u64) -> Amount {
    let size = |choice: &Choice| lookup::flavor(flavors, choice).map(&of).unwrap_or_default();
    let more = |made: &Made<'_, Server>| larger(made, |s| size(&s.flavor));
    Amount {
        more: needs.servers.iter().map(more).sum(),
        freed: needs.servers_gone.iter().map(|s| size(&s.flavor)).sum(),
    }
}

/// By how much something is larger than what goes before it.
fn larger<T>(made: &Made<'_, T>, size: impl Fn(&T) -> u64) -> u64 {
    size(made.want).saturating_sub(made.instead_of.map_or(0, size))
}

fn network(needs: &Needs<'_>, quota: &NetworkQuota, found: &mut Vec<Finding>) {
    let rows = [
        (
            Counted::Networks,
            "networks",
            quota.network,
            "or name a network that is there under existing",
        ),
        (
            Counted::Subnets,
            "subnets",
            quota.subnet,
            "or name a subnet that is there under existing",
        ),
        (
            Counted::Routers,
            "routers",
            quota.router,
            "or name a router that is there under existing",
        ),
        (
            Counted::Ports,
            "ports",
            quota.port,
            "or delete ports that nothing uses, or want fewer machines",
        ),
        (
            Counted::SecurityGroups,
            "security groups",
            quota.security_group,
            "or delete groups that nothing uses",
        ),
        (
            Counted::SecurityGroupRules,
            "security group rules",
            quota.security_group_rule,
            "or list fewer allowedRanges",
        ),
        (
            Counted::FloatingIps,
            "floating IPs",
            quota.floating_ip,
            "or release those that nothing uses, or set floatingIps: Off",
        ),
    ];
    for (of, what, quota, advice) in rows {
        found.extend(room(what, "", needs.amount(of), quota, advice));
    }
}

fn storage(needs: &Needs<'_>, quota: &VolumeQuota, found: &mut Vec<Finding>) {
    let (fewer, smaller) = ("or want fewer volumes", "or want smaller volumes");
    let all = |_: Option<&str>| true;
    found.extend(room(
        "volumes",
        "",
        needs.amount(Counted::Volumes),
        quota.volumes,
        fewer,
    ));
    found.extend(room(
        "volumes' size",
        " GiB",
        gigabytes(needs, all),
        quota.gigabytes,
        smaller,
    ));
    let mut kinds: Vec<&str> = needs
        .volumes
        .iter()
        .filter_map(|v| v.want.kind.as_deref())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let of_kind = |of: Option<&str>| of == Some(kind);
        if let Some(quota) = quota.others.0.get(&format!("volumes_{kind}")) {
            let new = needs.volumes.iter().filter(|v| v.instead_of.is_none());
            let gone = needs.volumes_gone.iter().filter(|v| of_kind(v.kind.as_deref()));
            let amount = Amount {
                more: new.filter(|v| of_kind(v.want.kind.as_deref())).count() as u64,
                freed: gone.count() as u64,
            };
            found.extend(room(
                &format!("volumes of type {kind}"),
                "",
                amount,
                *quota,
                fewer,
            ));
        }
        if let Some(quota) = quota.others.0.get(&format!("gigabytes_{kind}")) {
            let what = format!("size of volumes of type {kind}");
            found.extend(room(&what, " GiB", gigabytes(needs, of_kind), *quota, smaller));
        }
    }
    let most = u64::try_from(quota.per_volume_gigabytes.limit).unwrap_or(u64::MAX);
    for made in needs.volumes.iter().filter(|v| u64::from(v.want.size) > most) {
        let what = format!(
            "a volume of {} GiB is wanted, one may have {most} GiB",
            made.want.size
        );
        let finding = Finding::error(&OS_ROOM, what).about(made.key);
        found.push(finding.remedy("ask for a higher limit for one volume, or want a smaller one"));
    }
}

fn gigabytes(needs: &Needs<'_>, counts: impl Fn(Option<&str>) -> bool) -> Amount {
    let made = needs.volumes.iter().filter(|v| counts(v.want.kind.as_deref()));
    let gone = needs.volumes_gone.iter().filter(|v| counts(v.kind.as_deref()));
    Amount {
        more: made.map(|v| larger(v, |v| u64::from(v.size))).sum(),
        freed: gone.map(|v| u64::from(v.size)).sum(),
    }
}

/// A finding where there is less room than is needed.
fn room(what: &str, unit: &str, need: Amount, quota: Quota, advice: &str) -> Option<Finding> {
    let free = quota.free()?;
    if need.more <= free {
        return None;
    }
    let missing = need.more - free;
    let (more, limit) = (need.more, quota.limit);
    let is = if more == 1 { "is" } else { "are" };
    let are = if free == 1 { "is" } else { "are" };
    let said = format!("{what}: {more}{unit} more {is} needed, {free} of {limit}{unit} {are} free");
    let wanted = i64::try_from(missing).map_or(i64::MAX, |missing| limit.saturating_add(missing));
    if need.more <= free.saturating_add(need.freed) {
        let said = format!("{said}, {}{unit} when what is deleted is gone", free + need.freed);
        let remedy = "it may take longer: what is made waits for what is deleted";
        return Some(Finding::warning(&OS_ROOM, said).remedy(remedy));
    }
    let remedy = format!("ask for a quota of {wanted}{unit} (it is {limit}{unit}), {advice}");
    Some(Finding::error(&OS_ROOM, said).remedy(remedy))
}
