//! Addresses of networks: which of them Services may have, and a free one among them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

/// The addresses of a network that Services may have, as numbers: not the network's own, nor the last of IPv4.
fn usable(network: &IpNet) -> RangeInclusive<u128> {
    let (first, last) = (number(network.network()), number(network.broadcast()));
    let last = if network.addr().is_ipv4() { last.saturating_sub(1) } else { last };
    first.saturating_add(1)..=last
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

/// Of the same family as the network of which the number is one.
fn address(number: u128, network: &IpNet) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if network.addr().is_ipv4() => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

pub(super) fn has(network: &IpNet, ip: IpAddr) -> bool {
    network.contains(&ip) && usable(network).contains(&number(ip))
}

/// How many at the beginning of a range are left to those who name one, as upstream.
pub(super) fn band(size: u128, share: u128, most: u128) -> u128 {
    const LEAST: u128 = 16;
    if size < LEAST { 0 } else { (size / share).clamp(LEAST, most) }
}

/// A free address. The first ones are for those who name one, as the cluster's DNS; they are given when no other is left.
pub(super) fn free(
    network: &IpNet,
    random: impl Fn(u64) -> u64,
    is_free: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let (first, last) = usable(network).into_inner();
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    let band = band(1_u128.checked_shl(bits).unwrap_or(u128::MAX), 16, 256);
    let from = first.saturating_add(band);
    let late = around(from, last, &random);
    let candidates = late.chain(around(first, last.min(from.saturating_sub(1)), &random));
    candidates.map(|number| address(number, network)).find(|ip| is_free(*ip))
}

/// All numbers from `first` to `last`, beginning somewhere among them.
fn around(first: u128, last: u128, random: impl Fn(u64) -> u64) -> impl Iterator<Item = u128> {
    let end = (last + 1).max(first);
    let start = first + u128::from(random(u64::try_from(end - first).unwrap_or(u64::MAX)));
    (start.min(end)..end).chain(first..start.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_free_until_each_of_a_network_is_taken() {
        let network: IpNet = "10.0.0.0/27".parse().unwrap();
        let mut taken = Vec::new();
        while let Some(ip) = free(&network, |end| end / 2, |ip| !taken.contains(&ip)) {
            assert!(has(&network, ip));
            taken.push(ip);
        }
        assert_eq!(taken.len(), 30);
        // Those of the beginning come last.
        let (early, late) = taken.split_at(14);
        assert!(early.iter().min() > late.iter().max(), "{taken:?}");
        assert!(["10.0.0.0", "10.0.0.31"].iter().all(|ip| !has(&network, ip.parse().unwrap())));
    }

    #[test]
    fn a_network_of_any_size_gives_what_it_has() {
        let first = |network: &str, number: u64| {
            let network = network.parse().unwrap();
            free(&network, |end| number.min(end.saturating_sub(1)), |_| true).map(|ip| ip.to_string())
        };
        assert_eq!(first("10.0.0.0/32", 0), None);
        assert_eq!(first("10.0.0.0/31", 0), None);
        assert_eq!(first("10.0.0.0/30", 1).as_deref(), Some("10.0.0.2"));
        assert_eq!(first("fd00::/64", 0).as_deref(), Some("fd00::101"));
        assert_eq!(first("fd00::/64", u64::MAX).as_deref(), Some("fd00::ffff:ffff:ffff:ffff"));
    }
}
