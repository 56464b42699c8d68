//! `csr.conf.template`: the subject and the names of the server certificate, in the format of an OpenSSL request
//! configuration, of which only `[ dn ]` and `[ alt_names ]` mean something here.

use std::net::IpAddr;

/// What the first start writes.
pub(crate) const DEFAULT: &str = "\
# Names and subject of certs/server.crt. Add DNS.n and IP.n lines below [ alt_names ], then run
#   mk8s-host refresh-certs --cert server.crt
[ req ]
prompt = no
default_md = sha256
req_extensions = req_ext
distinguished_name = dn

[ dn ]
C = GB
ST = Canonical
L = Canonical
O = Canonical
OU = Canonical
CN = 127.0.0.1

[ req_ext ]
subjectAltName = @alt_names

[ alt_names ]
DNS.1 = kubernetes
DNS.2 = kubernetes.default
DNS.3 = kubernetes.default.svc
DNS.4 = kubernetes.default.svc.cluster
DNS.5 = kubernetes.default.svc.cluster.local
IP.1 = 127.0.0.1
#MOREIPS

[ v3_ext ]
basicConstraints = CA:FALSE
keyUsage = keyEncipherment,dataEncipherment,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = @alt_names
";

/// The line that stands for every address of the machine.
const MORE_IPS: &str = "#MOREIPS";

/// Names that every server certificate carries whatever the template says, since the cluster itself uses them.
const LOCALHOST: &str = "localhost";

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {why}: {text:?}")]
pub struct TemplateError {
    /// Counted from 1.
    pub line: usize,
    pub why: &'static str,
    pub text: String,
}

/// A parsed template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Attributes of the subject, as (C, ST, L, O, OU or CN, value).
    pub subject: Vec<(String, String)>,
    pub dns: Vec<String>,
    pub ips: Vec<IpAddr>,
    /// The addresses of the machine are names too.
    pub machine_addresses: bool,
}

/// Attributes that a subject may have.
const ATTRIBUTES: &[&str] = &["C", "ST", "L", "O", "OU", "CN"];

impl Template {
    /// Reads the text; the first wrong line is the error.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut template = Self::default();
        let mut section = String::new();
        for (index, raw) in text.lines().enumerate() {
            let fail = |why| TemplateError { line: index + 1, why, text: raw.trim().to_owned() };
            let line = raw.trim();
            if line == MORE_IPS {
                template.machine_addresses = true;
                continue;
            }
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let name =
                    rest.strip_suffix(']').ok_or_else(|| fail("a section needs its closing bracket"))?;
                section = name.trim().to_owned();
                continue;
            }
            let (key, value) =
                line.split_once('=').ok_or_else(|| fail("neither `key = value` nor a section"))?;
            let (key, value) = (key.trim(), value.trim());
            match section.as_str() {
                "dn" => template.attribute(key, value).map_err(fail)?,
                "alt_names" => template.name(key, value).map_err(fail)?,
                _ => {}
            }
        }
        let last = text.lines().count();
        if template.dns.is_empty() && template.ips.is_empty() && !template.machine_addresses {
            return Err(TemplateError {
                line: last,
                why: "no name below [ alt_names ]",
                text: String::new(),
            });
        }
        Ok(template)
    }

    fn attribute(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        if !ATTRIBUTES.contains(&key) {
            return Err("a subject has C, ST, L, O, OU and CN");
        }
        if value.is_empty() {
            return Err("the value is missing");
        }
        self.subject.push((key.to_owned(), value.to_owned()));
        Ok(())
    }

    /// `DNS.n = name` or `IP.n = address`, with any n.
    fn name(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let (kind, index) = key.split_once('.').ok_or("a name is `DNS.n` or `IP.n`")?;
        if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a name is `DNS.n` or `IP.n` with a number n");
        }
        match kind {
            "DNS" if is_dns_name(value) => push_new(&mut self.dns, value.to_owned()),
            "DNS" => return Err("the value is no DNS name"),
            "IP" => push_new(&mut self.ips, value.parse().map_err(|_| "the value is no IP address")?),
            _ => return Err("a name is `DNS.n` or `IP.n`"),
        }
        Ok(())
    }

    /// Every name and address of the server certificate.
    pub(crate) fn names(&self, machine: &[IpAddr], service: IpAddr) -> (Vec<String>, Vec<IpAddr>) {
        let mut dns = self.dns.clone();
        push_new(&mut dns, LOCALHOST.to_owned());
        let mut ips = self.ips.clone();
        push_new(&mut ips, std::net::Ipv4Addr::LOCALHOST.into());
        push_new(&mut ips, service);
        if self.machine_addresses {
            machine.iter().for_each(|address| push_new(&mut ips, *address));
        }
        (dns, ips)
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Labels of letters, digits, `-` and `_`, the first of which may be a wildcard.
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_index_are_read_and_the_marker_brings_the_machines_addresses() {
        let text =
            DEFAULT.replace("#MOREIPS", "IP.7 = 2001:db8::1\n#MOREIPS\nDNS.42 = *.example.org # the lab");
        let template = Template::parse(&text).unwrap();
        assert_eq!(template.dns.last().unwrap(), "*.example.org");
        let (machine, service) = (["192.0.2.10".parse().unwrap()], "10.152.183.1".parse().unwrap());
        let (dns, ips) = template.names(&machine, service);
        assert!(dns.contains(&"localhost".to_owned()));
        let ips: Vec<_> = ips.iter().map(ToString::to_string).collect();
        assert_eq!(ips, ["127.0.0.1", "2001:db8::1", "10.152.183.1", "192.0.2.10"]);
    }

    #[test]
    fn without_the_marker_the_machines_addresses_are_left_out() {
        let template = Template::parse(&DEFAULT.replace("#MOREIPS", "")).unwrap();
        let (_, ips) = template.names(&["192.0.2.10".parse().unwrap()], "10.0.0.1".parse().unwrap());
        assert_eq!(ips.len(), 2);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (bad, expected) in [
            ("DNS.6 mydomain.com", "22: neither `key = value` nor a section: \"DNS.6 mydomain.com\""),
            ("IP.3 = 10.0.0.256", "22: the value is no IP address: \"IP.3 = 10.0.0.256\""),
            ("DNS.x = a.b", "22: a name is `DNS.n` or `IP.n` with a number n: \"DNS.x = a.b\""),
            ("[ alt_names", "22: a section needs its closing bracket: \"[ alt_names\""),
        ] {
            let text = DEFAULT.replace("DNS.2 = kubernetes.default\n", &format!("{bad}\n"));
            assert_eq!(Template::parse(&text).unwrap_err().to_string(), expected);
        }
    }
}
