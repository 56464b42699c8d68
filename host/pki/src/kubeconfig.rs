//! Kubeconfigs as MicroK8s names their parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Pem;

/// The kubeconfig of a user who shows a certificate to the API server of this machine.
pub(crate) fn render(user: &str, port: u16, authorities: &[u8], certificate: &Pem) -> String {
    let (ca, chain, key) = (
        STANDARD.encode(authorities),
        STANDARD.encode(&certificate.chain),
        STANDARD.encode(&certificate.key),
    );
    format!(
        "\
apiVersion: v1
kind: Config
clusters:
- name: microk8s-cluster
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {ca}
contexts:
- name: microk8s
  context:
    cluster: microk8s-cluster
    user: {user}
current-context: microk8s
users:
- name: {user}
  user:
    client-certificate-data: {chain}
    client-key-data: {key}
"
    )
}
