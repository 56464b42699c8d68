//! The rules of IP addresses and CIDR blocks, strict as upstream is since v1.36.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::at::refused;

const NOT_AN_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NOT_A_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// A block of addresses with all of its bits: `10.9.8.7/24` is not its own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Cidr {
    fn bits(address: IpAddr) -> (u128, u8) {
        match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        }
    }

    fn mask(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// The first address of the block.
    pub fn network(self) -> IpAddr {
        let masked = Self::bits(self.address).0 & self.mask();
        match self.address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits((masked >> 96) as u32)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(masked)),
        }
    }

    pub fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && (Self::bits(address).0 ^ Self::bits(self.address).0) & self.mask() == 0
    }
}

/// Reads an address as old clients wrote it: with leading zeros in decimal numbers.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let (head, tail) = text.rsplit_once(':').unwrap_or(("", text));
        if !tail.contains('.') {
            return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
        }
        let v4 = parse_v4(tail)?;
        return format!("{head}:{v4}").parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    parse_v4(text).map(IpAddr::V4)
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let octet = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits {
            part.trim_start_matches('0').parse::<u8>().ok().or((part.bytes().all(|b| b == b'0')).then_some(0))
        } else {
            None
        }
    };
    let octets: Vec<u8> = text.split('.').map(octet).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from)
}

/// Reads a block, as leniently as [`parse_ip`].
pub fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    let address = parse_ip(address)?;
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = if digits { prefix.parse::<u32>().ok()? } else { return None };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= bits).then_some(Cidr { address, prefix: prefix as u8 })
}

/// Whether one of two addresses is of each family.
pub fn is_dual_stack(addresses: &[IpAddr]) -> bool {
    addresses.iter().any(IpAddr::is_ipv4) && addresses.iter().any(IpAddr::is_ipv6)
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
}

/// An address in a field of old, which may have leading zeros.
pub fn legacy_ip(text: &str) -> Vec<String> {
    refused(parse_ip(text).is_none(), || NOT_AN_IP.to_owned())
}

/// An address without leading zeros that is not IPv4 in the clothes of IPv6.
pub fn ip(text: &str) -> Vec<String> {
    let Some(address) = parse_ip(text) else { return vec![NOT_AN_IP.to_owned()] };
    match text.parse::<IpAddr>() {
        Err(_) => vec!["must not have leading 0s".to_owned()],
        Ok(_) => refused(is_mapped(address), || "must not be an IPv4-mapped IPv6 address".to_owned()),
    }
}

/// An address written in the one way that an address is shown.
pub fn canonical_ip(text: &str) -> Vec<String> {
    let messages = ip(text);
    let shown = parse_ip(text).map(|address| address.to_string()).unwrap_or_default();
    if messages.is_empty() && shown != text {
        return vec![format!("must be in canonical form ({shown:?})")];
    }
    messages
}

/// A block without leading zeros and without bits beyond its prefix.
pub fn cidr(text: &str) -> Vec<String> {
    let Some(block) = parse_cidr(text) else { return vec![NOT_A_CIDR.to_owned()] };
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    if address.parse::<IpAddr>().is_err() || (prefix.len() > 1 && prefix.starts_with('0')) {
        return vec!["must not have leading 0s in IP or prefix length".to_owned()];
    }
    let mut messages =
        refused(is_mapped(block.address), || "must not have an IPv4-mapped IPv6 address".to_owned());
    if block.network() != block.address {
        messages.push("must not have bits set beyond the prefix length".to_owned());
    }
    messages
}

/// A block written in the one way that a block is shown.
pub fn canonical_cidr(text: &str) -> Vec<String> {
    let messages = cidr(text);
    let shown = parse_cidr(text).map(|block| format!("{}/{}", block.address, block.prefix));
    match shown {
        Some(shown) if messages.is_empty() && shown != text => {
            vec![format!("must be in canonical form ({shown:?})")]
        }
        _ => messages,
    }
}

/// An address that an endpoint, or the outside, can have.
pub fn endpoint_ip(text: &str) -> Vec<String> {
    let Some(address) = parse_ip(text) else { return vec!["must be a valid IP address".to_owned()] };
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let (local, local_multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    let rows = [
        (address.is_unspecified(), format!("may not be unspecified ({text})")),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()),
        (local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()),
        (
            local_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned(),
        ),
    ];
    rows.into_iter().filter(|(is, _)| *is).map(|(_, why)| why).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn check(rule: fn(&str) -> Vec<String>, texts: &[&str]) -> String {
        texts.iter().map(|text| format!("{text} {}\n", rule(text).join("; "))).collect()
    }

    #[test]
    fn addresses_are_strict_and_blocks_have_no_bits_beyond_their_prefix() {
        expect![[r#"
            10.0.0.1 
            010.0.0.1 must not have leading 0s
            10.0.0 must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            256.0.0.1 must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ::ffff:1.2.3.4 must not be an IPv4-mapped IPv6 address
            2001:db8::1 
            2001:DB8::1 
        "#]]
        .assert_eq(&check(
            ip,
            &["10.0.0.1", "010.0.0.1", "10.0.0", "256.0.0.1", "::ffff:1.2.3.4", "2001:db8::1", "2001:DB8::1"],
        ));
        assert_eq!(canonical_ip("2001:DB8::1"), ["must be in canonical form (\"2001:db8::1\")"]);
        expect![[r#"
            10.0.0.0/8 
            10.0.0.1/8 must not have bits set beyond the prefix length
            10.0.0.0/08 must not have leading 0s in IP or prefix length
            10.0.0.0/33 must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            ::/0 
        "#]]
        .assert_eq(&check(cidr, &["10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/33", "::/0"]));
        expect![[r#"
            0.0.0.0 may not be unspecified (0.0.0.0)
            127.0.0.1 may not be in the loopback range (127.0.0.0/8, ::1/128)
            169.254.1.1 may not be in the link-local range (169.254.0.0/16, fe80::/10)
            224.0.0.1 may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)
            8.8.8.8 
        "#]]
        .assert_eq(&check(endpoint_ip, &["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "8.8.8.8"]));
    }

    #[test]
    fn a_block_contains_what_shares_its_prefix() {
        let block = parse_cidr("10.1.0.0/16").unwrap();
        assert!(block.contains("10.1.255.1".parse().unwrap()));
        assert!(!block.contains("10.2.0.1".parse().unwrap()) && !block.contains("::1".parse().unwrap()));
        assert!(parse_cidr("::/0").unwrap().contains("::1".parse().unwrap()));
        assert!(is_dual_stack(&["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]));
    }
}
