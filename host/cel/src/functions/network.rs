//! The functions of addresses and networks.

use std::net::IpAddr;

use super::cidr::{Cidr, is_mapped, parse_address};
use super::{Row, row};
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("ip", "(string) -> ip", |args, _| ip(text(args, 0)?).map(Value::Ip).map_err(EvalError::failed)),
    row("isIP", "(string) -> bool", |args, _| Ok(Value::Bool(ip(text(args, 0)?).is_ok()))),
    row("ip.isCanonical", "(string) -> bool", |args, _| {
        let text = text(args, 0)?;
        let address = ip(text).map_err(EvalError::failed)?;
        Ok(Value::Bool(address.to_string() == text))
    }),
    row("family", "ip.() -> int", |args, _| Ok(Value::Int(if address(args)?.is_ipv4() { 4 } else { 6 }))),
    row("isUnspecified", "ip.() -> bool", |args, _| Ok(Value::Bool(address(args)?.is_unspecified()))),
    row("isLoopback", "ip.() -> bool", |args, _| Ok(Value::Bool(address(args)?.is_loopback()))),
    row("isLinkLocalMulticast", "ip.() -> bool", |args, _| {
        Ok(Value::Bool(match address(args)? {
            IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
            IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
        }))
    }),
    row("isLinkLocalUnicast", "ip.() -> bool", |args, _| Ok(Value::Bool(is_link_local(address(args)?)))),
    row("isGlobalUnicast", "ip.() -> bool", |args, _| {
        let address = address(args)?;
        let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        Ok(Value::Bool(
            !is_broadcast
                && !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_multicast()
                && !is_link_local(address),
        ))
    }),
    row("string", "(ip) -> string", |args, _| Ok(Value::from(address(args)?.to_string()))),
    row("cidr", "(string) -> cidr", |args, _| cidr(text(args, 0)?).map(Value::Cidr)),
    row("isCIDR", "(string) -> bool", |args, _| Ok(Value::Bool(cidr(text(args, 0)?).is_ok()))),
    row("containsIP", "cidr.(string) -> bool", |args, _| {
        let address = ip(text(args, 1)?).map_err(EvalError::failed)?;
        Ok(Value::Bool(network(args, 0)?.contains(address)))
    }),
    row("containsIP", "cidr.(ip) -> bool", |args, _| {
        Ok(Value::Bool(network(args, 0)?.contains(address(&args[1..])?)))
    }),
    row("containsCIDR", "cidr.(string) -> bool", |args, _| {
        let other = cidr(text(args, 1)?)?;
        Ok(Value::Bool(network(args, 0)?.contains_all(&other)))
    }),
    row("containsCIDR", "cidr.(cidr) -> bool", |args, _| {
        Ok(Value::Bool(network(args, 0)?.contains_all(network(args, 1)?)))
    }),
    row("ip", "cidr.() -> ip", |args, _| Ok(Value::Ip(network(args, 0)?.address()))),
    row("prefixLength", "cidr.() -> int", |args, _| Ok(Value::Int(network(args, 0)?.prefix().into()))),
    row("masked", "cidr.() -> cidr", |args, _| Ok(Value::Cidr(network(args, 0)?.masked()))),
    row("string", "(cidr) -> string", |args, _| -> Evaluated<'_> {
        Ok(Value::from(network(args, 0)?.to_string()))
    }),
];

fn text<'v>(args: &'v [Value<'_>], index: usize) -> Result<&'v str, EvalError> {
    args.get(index).and_then(Value::as_str).ok_or_else(EvalError::no_such_overload)
}

fn address(args: &[Value<'_>]) -> Result<IpAddr, EvalError> {
    match args.first() {
        Some(Value::Ip(address)) => Ok(*address),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn network<'v>(args: &'v [Value<'_>], index: usize) -> Result<&'v Cidr, EvalError> {
    match args.get(index) {
        Some(Value::Cidr(cidr)) => Ok(cidr),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// An address without a zone that is not an IPv4 one in disguise.
fn ip(text: &str) -> Result<IpAddr, String> {
    let address = parse_address(text)
        .map_err(|why| format!("IP Address {text:?} parse error during conversion from string: {why}"))?;
    if text.contains('%') {
        return Err(format!("IP address {text:?} with zone value is not allowed"));
    }
    if is_mapped(address) {
        return Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"));
    }
    Ok(address)
}

fn cidr(text: &str) -> Result<Cidr, EvalError> {
    const FAILED: &str = "network address parse error during conversion from string";
    let cidr = Cidr::parse(text).map_err(|why| EvalError::failed(format!("{FAILED}: {FAILED}: {why}")))?;
    if is_mapped(cidr.address()) {
        let message = format!("{FAILED}: IPv4-mapped IPv6 address {text:?} is not allowed");
        return Err(EvalError::failed(message));
    }
    Ok(cidr)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}
