//! IP addresses, as upstream reads them: with leading zeros in fields that have always allowed them, without in the
//! others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::at::At;
use super::field::FieldError;

const NO_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// An address, whose parts may have leading zeros.
pub(crate) fn parse_legacy_ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (head, tail) = text.rfind(':').map_or(("", text), |colon| text.split_at(colon + 1));
    let is_part =
        |part: &&str| !part.is_empty() && part.len() <= 16 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = tail.split('.').filter(is_part).collect();
    if parts.len() != 4 || tail.split('.').count() != 4 {
        return None;
    }
    let parts = parts
        .iter()
        .map(|part| part.trim_start_matches('0'))
        .map(|part| if part.is_empty() { "0" } else { part });
    format!("{head}{}", parts.collect::<Vec<_>>().join(".")).parse().ok()
}

/// An address in a field of old. Gives the address, where it is one.
pub(crate) fn legacy_ip(at: &At<'_>, errors: &mut Vec<FieldError>) -> Option<IpAddr> {
    let address = parse_legacy_ip(at.text());
    if address.is_none() {
        errors.push(FieldError::invalid(&at.path, at.text(), NO_ADDRESS));
    }
    address
}

/// An address in its canonical form. Gives the address, where it is one.
pub(crate) fn canonical_ip(at: &At<'_>, errors: &mut Vec<FieldError>) -> Option<IpAddr> {
    let address = legacy_ip(at, errors)?;
    let refused = if at.text().parse::<IpAddr>().is_err() {
        "must not have leading 0s".to_owned()
    } else if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        "must not be an IPv4-mapped IPv6 address".to_owned()
    } else if address.to_string() != at.text() {
        format!("must be in canonical form ({:?})", address.to_string())
    } else {
        return Some(address);
    };
    at.invalid(errors, refused);
    None
}

/// An address that a service can send to.
pub(crate) fn endpoint_ip(at: &At<'_>, address: IpAddr, errors: &mut Vec<FieldError>) {
    let address = address.to_canonical();
    if address.is_unspecified() {
        at.invalid(errors, format!("may not be unspecified ({})", at.text()));
    }
    if address.is_loopback() {
        at.invalid(errors, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if is_link_local {
        at.invalid(errors, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    let is_link_local_multicast = match address {
        IpAddr::V4(address) => Ipv4Addr::octets(&address)[..3] == [224, 0, 0],
        IpAddr::V6(address) => Ipv6Addr::segments(&address)[0] & 0xff0f == 0xff02,
    };
    if is_link_local_multicast {
        let why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        at.invalid(errors, why);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::tree::Tree;

    #[test]
    fn leading_zeros_are_read_and_not_canonical() {
        let mut lines = String::new();
        for text in [
            "10.0.0.1",
            "010.0.0.01",
            "::ffff:1.2.3.4",
            "2001:DB8::1",
            "::1",
            "1.2.3",
            "x",
            "256.1.1.1",
            "169.254.0.1",
            "224.0.0.1",
            "ff02::1",
            "::",
        ] {
            let tree = Tree::from(text);
            let at = At { path: super::super::Path::new("ip"), tree: &tree };
            let mut errors = Vec::new();
            if let Some(address) = legacy_ip(&at, &mut errors) {
                endpoint_ip(&at, address, &mut errors);
            }
            canonical_ip(&at, &mut errors);
            errors.iter().for_each(|error| lines.push_str(&format!("{error}\n")));
        }
        expect![[r#"
            ip: Invalid value: "010.0.0.01": must not have leading 0s
            ip: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address
            ip: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")
            ip: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "256.1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "256.1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
            ip: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)
            ip: Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)
            ip: Invalid value: "::": may not be unspecified (::)
        "#]].assert_eq(&lines);
    }
}
