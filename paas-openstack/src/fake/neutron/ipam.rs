//! Addresses: CIDRs, allocation pools, and the lowest address that is free.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde_json::{Value, json};

use super::{Denial, Kind, Object, State, list, text};

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    first: u128,
    last: u128,
    pub(super) six: bool,
    prefix: u8,
}

impl Block {
    /// `10.0.0.0/24`; the address must be the first of the block.
    pub(super) fn parse(cidr: &str) -> Result<Self, Denial> {
        let unusable = || Denial::input(format!("{cidr} is not in a CIDR format"));
        let (address, prefix) = cidr.split_once('/').ok_or_else(unusable)?;
        let address: IpAddr = address.parse().map_err(|_| unusable())?;
        let prefix: u8 = prefix.parse().map_err(|_| unusable())?;
        let (value, bits) = (number(address), if address.is_ipv4() { 32 } else { 128 });
        if prefix > bits {
            return Err(unusable());
        }
        if prefix == 0 {
            return Err(Denial::input("0 is not allowed as CIDR prefix length"));
        }
        let hosts = if bits - prefix == 0 {
            0
        } else {
            u128::MAX >> (128 - u32::from(bits - prefix))
        };
        let first = value & !hosts;
        if first != value {
            return Err(Denial::http(format!(
                "Invalid input for cidr. Reason: '{cidr}' isn't a recognized IP subnet cidr, '{}/{prefix}' is recommended.",
                address_of(first, address.is_ipv6())
            )));
        }
        Ok(Self {
            first,
            last: first | hosts,
            six: address.is_ipv6(),
            prefix,
        })
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.six == other.six && self.first <= other.last && other.first <= self.last
    }

    /// Whether a port may have this address: IPv4 networks' first and last are nobody's.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let (low, high) = if self.six {
            (self.first, self.last)
        } else {
            self.hosts()
        };
        address.is_ipv6() == self.six && (low..=high).contains(&number(address))
    }

    /// The addresses that hosts may have: not that of the network, nor IPv4's broadcast.
    fn hosts(&self) -> (u128, u128) {
        match (self.six, self.prefix) {
            (false, 31 | 32) | (true, 128) => (self.first, self.last),
            (false, _) => (self.first + 1, self.last - 1),
            (true, _) => (self.first + 1, self.last),
        }
    }

    /// The gateway that a subnet gets when none is named.
    pub(super) fn gateway(&self) -> IpAddr {
        address_of(self.hosts().0, self.six)
    }

    /// Everything that hosts may have but the gateway.
    pub(super) fn pools(&self, gateway: Option<IpAddr>) -> Vec<(IpAddr, IpAddr)> {
        let (low, high) = self.hosts();
        let inside = gateway
            .filter(|gateway| gateway.is_ipv6() == self.six)
            .map(number)
            .filter(|gateway| (low..=high).contains(gateway));
        let ranges = match inside {
            None => vec![(low, high)],
            Some(gateway) => [
                (gateway > low).then(|| (low, gateway - 1)),
                (gateway < high).then(|| (gateway + 1, high)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        ranges
            .into_iter()
            .map(|(low, high)| (address_of(low, self.six), address_of(high, self.six)))
            .collect()
    }

    /// Pools that were asked for: inside the block, apart from each other and from the gateway.
    pub(super) fn check_pools(&self, pools: &[Value], gateway: Option<IpAddr>) -> Result<(), Denial> {
        let (low, high) = self.hosts();
        let mut seen: Vec<(u128, u128, String)> = Vec::new();
        for pool in pools {
            let Some((start, end)) = range(pool) else {
                return Err(Denial::http(format!(
                    "Invalid input for allocation_pools. Reason: Invalid data format for IP pool: '{pool}'."
                )));
            };
            let shown = format!("{start}-{end}");
            if start.is_ipv6() != self.six || end.is_ipv6() != self.six || number(end) < number(start) {
                return Err(Denial::new(
                    400,
                    "InvalidAllocationPool",
                    format!("The allocation pool {shown} is not valid."),
                ));
            }
            if number(start) < low || number(end) > high {
                return Err(Denial::new(
                    400,
                    "OutOfBoundsAllocationPool",
                    format!(
                        "The allocation pool {shown} spans beyond the subnet cidr {}/{}.",
                        address_of(self.first, self.six),
                        self.prefix
                    ),
                ));
            }
            if let Some((_, _, other)) = seen
                .iter()
                .find(|(first, last, _)| number(start) <= *last && *first <= number(end))
            {
                return Err(Denial::new(
                    409,
                    "OverlappingAllocationPools",
                    format!("Found overlapping allocation pools: {other} {shown} for subnet None."),
                ));
            }
            if let Some(gateway) =
                gateway.filter(|gateway| (number(start)..=number(end)).contains(&number(*gateway)))
            {
                return Err(Denial::new(
                    409,
                    "GatewayConflictWithAllocationPools",
                    format!("Gateway ip {gateway} conflicts with allocation pool {shown}."),
                ));
            }
            seen.push((number(start), number(end), shown));
        }
        Ok(())
    }
}

impl State {
    /// The addresses of a subnet that ports have.
    fn taken(&self, subnet: &str) -> BTreeSet<u128> {
        self.all(Kind::Port)
            .flat_map(|port| list(port, "fixed_ips"))
            .filter(|fixed| fixed["subnet_id"].as_str() == Some(subnet))
            .filter_map(|fixed| fixed["ip_address"].as_str()?.parse().ok())
            .map(number)
            .collect()
    }

    /// The lowest free address of the subnet's pools, with those in `besides` counted as taken.
    pub(super) fn lowest_free(&self, subnet: &Object, besides: &[IpAddr]) -> Option<IpAddr> {
        let mut taken = self.taken(text(subnet, "id"));
        taken.extend(besides.iter().copied().map(number));
        list(subnet, "allocation_pools")
            .iter()
            .filter_map(range)
            .find_map(|(start, end)| {
                (number(start)..=number(end))
                    .find(|candidate| !taken.contains(candidate))
                    .map(|free| address_of(free, start.is_ipv6()))
            })
    }

    /// The addresses that a port gets, from what was asked: nothing said is one address of each IP version that the network has.
    pub(super) fn allocate(
        &self,
        network: &str,
        asked: Option<&[Value]>,
        own: &[Value],
    ) -> Result<Value, Denial> {
        let subnets: Vec<&Object> = self
            .all(Kind::Subnet)
            .filter(|subnet| text(subnet, "network_id") == network)
            .collect();
        let Some(asked) = asked else {
            return self.allocate_any(network, &subnets);
        };
        let mut given: Vec<(String, IpAddr)> = Vec::new();
        for wish in asked {
            let address = match wish["ip_address"].as_str() {
                None => None,
                Some(text) => Some(text.parse::<IpAddr>().map_err(|_| {
                    Denial::http(format!(
                        "Invalid input for fixed_ips. Reason: '{text}' is not a valid IP address."
                    ))
                })?),
            };
            let subnet = self.wished_subnet(network, &subnets, wish["subnet_id"].as_str(), address)?;
            let id = text(subnet, "id");
            let address = match address {
                Some(address) => {
                    let already = own
                        .iter()
                        .any(|fixed| fixed["ip_address"].as_str() == Some(&address.to_string()));
                    if !already && self.taken(id).contains(&number(address))
                        || given.iter().any(|(_, other)| *other == address)
                    {
                        return Err(Denial::new(
                            409,
                            "IpAddressAlreadyAllocated",
                            format!("IP address {address} already allocated in subnet {id}"),
                        ));
                    }
                    address
                }
                None => {
                    let besides: Vec<IpAddr> = given.iter().map(|(_, address)| *address).collect();
                    let kept = own
                        .iter()
                        .filter(|fixed| fixed["subnet_id"].as_str() == Some(id))
                        .filter_map(|fixed| fixed["ip_address"].as_str()?.parse().ok())
                        .find(|address| !besides.contains(address));
                    kept.or_else(|| self.lowest_free(subnet, &besides))
                        .ok_or_else(|| {
                            Denial::new(
                                409,
                                "IpAddressGenerationFailure",
                                format!("No more IP addresses available on network {network}."),
                            )
                        })?
                }
            };
            given.push((id.to_owned(), address));
        }
        Ok(given
            .into_iter()
            .map(|(subnet, address)| json!({"subnet_id": subnet, "ip_address": address.to_string()}))
            .collect())
    }

    fn allocate_any(&self, network: &str, subnets: &[&Object]) -> Result<Value, Denial> {
        let mut fixed = Vec::new();
        for version in [4, 6] {
            let mut of_version = subnets
                .iter()
                .filter(|subnet| subnet.get("ip_version").and_then(Value::as_i64) == Some(version))
                .peekable();
            if of_version.peek().is_none() {
                continue;
            }
            let free = of_version.find_map(|subnet| Some((subnet, self.lowest_free(subnet, &[])?)));
            let Some((subnet, address)) = free else {
                return Err(Denial::new(
                    409,
                    "IpAddressGenerationFailure",
                    format!("No more IP addresses available on network {network}."),
                ));
            };
            fixed.push(json!({"subnet_id": text(subnet, "id"), "ip_address": address.to_string()}));
        }
        Ok(Value::Array(fixed))
    }

    fn wished_subnet<'a>(
        &self,
        network: &str,
        subnets: &[&'a Object],
        id: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<&'a Object, Denial> {
        let holds = |subnet: &Object, address: IpAddr| {
            Block::parse(text(subnet, "cidr")).is_ok_and(|block| block.has(address))
        };
        match (id, address) {
            (Some(id), address) => {
                let subnet = subnets.iter().find(|subnet| text(subnet, "id") == id);
                let Some(subnet) = subnet else {
                    return Err(if self.get(Kind::Subnet, id).is_some() {
                        Denial::input(format!(
                            "Failed to create port on network {network}, because fixed_ips included invalid subnet {id}"
                        ))
                    } else {
                        Kind::Subnet.missing(id)
                    });
                };
                match address.filter(|address| !holds(subnet, *address)) {
                    None => Ok(subnet),
                    Some(address) => Err(Denial::new(
                        400,
                        "InvalidIpForSubnet",
                        format!("IP address {address} is not a valid IP for the specified subnet."),
                    )),
                }
            }
            (None, Some(address)) => subnets
                .iter()
                .copied()
                .find(|subnet| holds(subnet, address))
                .ok_or_else(|| {
                    Denial::new(
                        400,
                        "InvalidIpForNetwork",
                        format!(
                            "IP address {address} is not a valid IP for any of the subnets on the specified network."
                        ),
                    )
                }),
            (None, None) => Err(Denial::input("IP allocation requires subnet_id or ip_address")),
        }
    }
}

fn range(pool: &Value) -> Option<(IpAddr, IpAddr)> {
    Some((
        pool["start"].as_str()?.parse().ok()?,
        pool["end"].as_str()?.parse().ok()?,
    ))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(u32::from(four)),
        IpAddr::V6(six) => u128::from(six),
    }
}

fn address_of(value: u128, six: bool) -> IpAddr {
    if six {
        IpAddr::V6(Ipv6Addr::from(value))
    } else {
        IpAddr::V4(Ipv4Addr::from(u32::try_from(value).unwrap_or(u32::MAX)))
    }
}
