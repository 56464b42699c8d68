//! IP addresses and the networks that they are in.

use std::fmt;
use std::net::IpAddr;

/// An address with the length of its prefix; the bits behind the prefix may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`; what is wrong with it in Go's words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let failed = |why: &str| format!("netip.ParsePrefix({text:?}): {why}");
        let (address, prefix) = text.rsplit_once('/').ok_or_else(|| failed("no '/'"))?;
        let parsed = parse_address(address).map_err(|why| failed(&why))?;
        if address.contains('%') {
            return Err(failed("IPv6 zones cannot be present in a prefix"));
        }
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_number && (prefix.len() == 1 || !prefix.starts_with('0'));
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|_| is_plain)
            .ok_or_else(|| failed(&format!("bad bits after slash: {prefix:?}")))?;
        if prefix > bits(parsed) {
            return Err(failed("prefix length out of range"));
        }
        Ok(Self { address: parsed, prefix })
    }

    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) const fn prefix(&self) -> u8 {
        self.prefix
    }

    pub(crate) fn masked(&self) -> Self {
        Self { address: mask(self.address, self.prefix), prefix: self.prefix }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && mask(address, self.prefix) == mask(self.address, self.prefix)
    }

    pub(crate) fn contains_all(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

/// Reads an address; a zone is cut off.
pub(super) fn parse_address(text: &str) -> Result<IpAddr, String> {
    let plain = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() && address.contains(':') => address,
        _ => text,
    };
    plain.parse().map_err(|_| format!("ParseAddr({text:?}): unable to parse IP"))
}

/// Whether it is an IPv4 address in the clothes of an IPv6 one.
pub(super) fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}
