//! A PKI on disk: made, kept, renewed, replaced and brought back.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pki::{Authority, CertificateStatus, Facts, Pki, Refresh, SigningCa};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Fixture {
    folder: tempfile::TempDir,
    pki: Pki,
    facts: Facts,
    now: SystemTime,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("certs")).unwrap();
        fs::create_dir(folder.path().join("credentials")).unwrap();
        let facts = Facts {
            node_name: "box".to_owned(),
            addresses: vec!["192.0.2.10".parse().unwrap()],
            service_address: "10.152.183.1".parse().unwrap(),
            api_port: 16443,
        };
        let pki = Pki::new(folder.path());
        let now = SystemTime::now();
        pki.ensure(&facts, now).unwrap();
        Self { folder, pki, facts, now }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn status(&self, file: &str) -> CertificateStatus {
        self.pki.inventory(self.now).unwrap().into_iter().find(|status| status.file == file).unwrap()
    }

    fn refresh(&self, what: Refresh) -> Result<Vec<String>, pki::PkiError> {
        self.pki.refresh(&what, &self.facts, self.now)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

#[test]
fn the_first_start_makes_every_file_for_its_owner_alone() {
    let f = Fixture::new();
    for (file, subject, issuer) in [
        ("ca.crt", "CN=10.152.183.1", "CN=10.152.183.1"),
        ("front-proxy-ca.crt", "CN=front-proxy-ca", "CN=front-proxy-ca"),
        (
            "server.crt",
            "C=GB, ST=Canonical, L=Canonical, O=Canonical, OU=Canonical, CN=127.0.0.1",
            "CN=10.152.183.1",
        ),
        ("client.crt", "O=system:masters, CN=admin", "CN=10.152.183.1"),
        ("kubelet.crt", "O=system:nodes, CN=system:node:box", "CN=10.152.183.1"),
        ("proxy.crt", "CN=system:kube-proxy", "CN=10.152.183.1"),
        ("scheduler.crt", "CN=system:kube-scheduler", "CN=10.152.183.1"),
        ("controller.crt", "CN=system:kube-controller-manager", "CN=10.152.183.1"),
        (
            "apiserver-kubelet-client.crt",
            "O=system:masters, CN=kube-apiserver-kubelet-client",
            "CN=10.152.183.1",
        ),
        ("front-proxy-client.crt", "CN=front-proxy-client", "CN=front-proxy-ca"),
        ("apiserver-etcd-client.crt", "CN=kube-apiserver-etcd-client", "CN=etcd-ca"),
    ] {
        let status = f.status(file);
        assert_eq!((status.subject.as_str(), status.issuer.as_str()), (subject, issuer), "{file}");
    }
    let server = f.status("server.crt");
    assert_eq!(
        server.dns,
        [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster",
            "kubernetes.default.svc.cluster.local",
            "localhost"
        ]
    );
    let ips: Vec<_> = server.ips.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["127.0.0.1", "10.152.183.1", "192.0.2.10"]);
    for folder in ["certs", "credentials"] {
        for entry in fs::read_dir(f.path(folder)).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
    let tokens = f.read("credentials/known_tokens.csv");
    assert!(tokens.lines().next().unwrap().ends_with(",admin,admin,\"system:masters\""));
    assert!(f.read("credentials/client.config").contains("server: https://127.0.0.1:16443"));
}

#[test]
fn a_second_start_changes_nothing() {
    let f = Fixture::new();
    let before = f.read("certs/server.crt");
    assert!(f.pki.ensure(&f.facts, f.now).unwrap().is_empty());
    assert_eq!(f.read("certs/server.crt"), before);
}

#[test]
fn a_key_that_is_not_its_certificates_is_issued_anew() {
    let f = Fixture::new();
    fs::copy(f.path("certs/client.key"), f.path("certs/server.key")).unwrap();
    assert_eq!(f.pki.ensure(&f.facts, f.now).unwrap(), ["issued server.crt"]);
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_of_its_life() {
    let f = Fixture::new();
    assert!(f.pki.renew(&f.facts, f.now + DAY * 240).unwrap().is_empty());
    let due = f.pki.renew(&f.facts, f.now + DAY * 250).unwrap();
    assert_eq!(due, ["server.crt", "front-proxy-client.crt"]);
}

#[test]
fn a_new_address_of_the_machine_gets_new_server_certificates() {
    let f = Fixture::new();
    let mut moved = f.facts.clone();
    moved.addresses = vec!["198.51.100.7".parse().unwrap()];
    assert_eq!(f.pki.renew(&moved, f.now).unwrap(), ["server.crt", "kubelet.crt"]);
    assert!(f.status("server.crt").ips.contains(&"198.51.100.7".parse().unwrap()));
}

#[test]
fn a_new_name_in_the_template_is_in_the_refreshed_certificate_and_undo_takes_it_back() {
    let f = Fixture::new();
    let before = f.read("certs/server.crt");
    let template = f.read("certs/csr.conf.template");
    fs::write(
        f.path("certs/csr.conf.template"),
        template.replace("#MOREIPS", "#MOREIPS\nDNS.6 = example.org"),
    )
    .unwrap();
    f.refresh(Refresh::Certificate("server.crt".to_owned())).unwrap();
    assert!(f.status("server.crt").dns.contains(&"example.org".to_owned()));
    f.refresh(Refresh::Undo).unwrap();
    assert_eq!(f.read("certs/server.crt"), before);
    let nothing = f.refresh(Refresh::Undo).unwrap_err().to_string();
    assert_eq!(nothing, "there is nothing to undo: no certificate was refreshed yet");
}

#[test]
fn a_broken_template_leaves_the_old_certificate() {
    let f = Fixture::new();
    let before = f.read("certs/server.crt");
    fs::write(f.path("certs/csr.conf.template"), "[ alt_names ]\nDNS.1 example.org\n").unwrap();
    let why = f.refresh(Refresh::Certificate("server.crt".to_owned())).unwrap_err().to_string();
    assert!(why.contains("csr.conf.template:2: neither `key = value` nor a section"), "{why}");
    assert_eq!(f.read("certs/server.crt"), before);
}

#[test]
fn an_unknown_certificate_is_answered_by_the_known_ones() {
    let why = Fixture::new().refresh(Refresh::Certificate("sevrer.crt".to_owned())).unwrap_err().to_string();
    assert!(why.starts_with("no certificate is called \"sevrer.crt\": choose one of ca.crt, "), "{why}");
}

#[test]
fn a_new_ca_is_vouched_for_by_the_old_until_it_is_finished() {
    let f = Fixture::new();
    let old = f.read("certs/ca.crt");
    f.refresh(Refresh::Certificate("ca.crt".to_owned())).unwrap();
    let bundle = String::from_utf8(f.pki.bundle(Authority::Cluster).unwrap()).unwrap();
    assert!(bundle.contains(&old) && bundle.matches("BEGIN CERTIFICATE").count() == 2);
    let chain = String::from_utf8(f.pki.pem("server").unwrap().chain).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "the leaf and the new CA signed by the old");
    f.refresh(Refresh::Finish).unwrap();
    let bundle = String::from_utf8(f.pki.bundle(Authority::Cluster).unwrap()).unwrap();
    assert_eq!(bundle, f.read("certs/ca.crt"));
    assert!(f.refresh(Refresh::Finish).is_err());
}

#[test]
fn an_expired_ca_is_one_error_with_the_way_out_and_a_refresh_helps() {
    let f = Fixture::new();
    let later = f.now + DAY * 3651;
    let why = f.pki.ensure(&f.facts, later).unwrap_err().to_string();
    assert!(why.contains("ca.crt expired at ") && why.contains("refresh-certs --cert ca.crt"), "{why}");
    for authority in Authority::ALL {
        f.pki.refresh(&Refresh::Certificate(authority.certificate()), &f.facts, later).unwrap();
    }
    f.pki.ensure(&f.facts, later).unwrap();
}

fn authority_in(folder: &Path, pki: &Fixture, certificate: &str, key: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::copy(pki.path(certificate), folder.join("ca.crt")).unwrap();
    fs::copy(pki.path(key), folder.join("ca.key")).unwrap();
}

#[test]
fn a_ca_of_ones_own_is_adopted_when_it_is_one() {
    let (f, other) = (Fixture::new(), Fixture::new());
    let folder = f.path("brought");
    authority_in(&folder, &other, "certs/ca.crt", "certs/ca.key");
    f.refresh(Refresh::AdoptAuthority(folder.clone())).unwrap();
    assert_eq!(f.read("certs/ca.crt"), other.read("certs/ca.crt"));

    authority_in(&folder, &other, "certs/ca.crt", "certs/client.key");
    let why = f.refresh(Refresh::AdoptAuthority(folder.clone())).unwrap_err().to_string();
    assert!(why.ends_with("ca.key is not the key of ca.crt, in PKCS#8"), "{why}");
    authority_in(&folder, &other, "certs/client.crt", "certs/client.key");
    let why = f.refresh(Refresh::AdoptAuthority(folder)).unwrap_err().to_string();
    assert!(why.contains("ca.crt is no CA"), "{why}");
}

/// A request in PEM for a subject with these organizations and a name.
fn request(organizations: &[&str]) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["box.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:box");
    for organization in organizations {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, *organization);
    }
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap().pem().unwrap()
}

#[test]
fn a_request_is_signed_for_the_usages_that_are_given_and_never_as_an_authority() {
    let fixture = Fixture::new();
    let pem = request(&["system:nodes"]);
    let asked = pki::Request::parse(pem.as_bytes()).unwrap();
    assert_eq!(
        (asked.common_name.as_str(), asked.organizations.as_slice()),
        ("system:node:box", &["system:nodes".to_owned()][..])
    );
    assert_eq!(asked.dns_names, ["box.test"]);
    let usages = ["digital signature".to_owned(), "client auth".to_owned()];
    let signed = fixture.pki.sign_request(&pem, &usages, 10 * DAY, fixture.now).unwrap();
    let (_, block) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
    let certificate = block.parse_x509().unwrap();
    assert!(!certificate.is_ca());
    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth);
    let (_, ca) = x509_parser::pem::parse_x509_pem(&fs::read(fixture.path("certs/ca.crt")).unwrap())
        .map(|(rest, pem)| (rest.len(), pem))
        .unwrap();
    certificate.verify_signature(Some(ca.parse_x509().unwrap().public_key())).unwrap();
    let life = certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
    assert_eq!(life, 10 * 24 * 60 * 60);
}

#[test]
fn another_authority_signs_where_its_files_are_named() {
    let (cluster, other) = (Fixture::new(), Fixture::new());
    let [certificate, key] = ["certs/ca.crt", "certs/ca.key"].map(|file| other.path(file));
    let ca = fs::read(&certificate).unwrap();
    let authority = SigningCa::Files { certificate, key };
    let usages = ["client auth".to_owned()];
    let signed = authority.sign_request(&request(&["a"]), &usages, DAY, cluster.now).unwrap();
    let (_, block) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
    let (_, ca) = x509_parser::pem::parse_x509_pem(&ca).unwrap();
    let certificate = block.parse_x509().unwrap();
    certificate.verify_signature(Some(ca.parse_x509().unwrap().public_key())).unwrap();
    let nowhere = SigningCa::Files { certificate: "/nowhere.crt".into(), key: "/nowhere.key".into() };
    let refused = nowhere.sign_request(&request(&["a"]), &usages, DAY, cluster.now).unwrap_err();
    assert!(refused.to_string().contains("/nowhere.crt"), "{refused}");
}

#[test]
fn what_is_no_request_or_asks_for_what_there_is_not_is_refused() {
    let fixture = Fixture::new();
    let refused = |pem: &str, usage: &str| {
        fixture.pki.sign_request(pem, &[usage.to_owned()], DAY, fixture.now).unwrap_err().to_string()
    };
    assert_eq!(refused("nonsense", "any"), "PEM block type must be CERTIFICATE REQUEST");
    let certificate = fs::read_to_string(fixture.path("certs/ca.crt")).unwrap();
    assert_eq!(refused(&certificate, "any"), "PEM block type must be CERTIFICATE REQUEST");
    assert_eq!(
        refused(&request(&["a"]), "netscape sgc"),
        "a certificate for \"netscape sgc\" cannot be issued: there is no such usage"
    );
}
