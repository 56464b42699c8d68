//! The ports over real sockets, on a fake node.

mod streams;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::delegated::{CacheTtl, Gate};
use cri::{ContainerId, ContainerMetadata, ContainerState, ContainerStatus, SandboxId};
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use k8s_openapi::api::core::v1::Pod;
use net::{Binder, Socket, SocketAddress, Transport};
use observe::Metrics;
use serde_json::{Value, json};
use supervise::Scope;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::Server;
use super::containers::{POD_NAME, POD_NAMESPACE, POD_UID};
use super::endpoint::Port;
use super::fake::{self, Calls, FakeRuntime, FarEnd};
use crate::handle::{ContainerView, KubeletHandle, KubeletStatus, PodView};
use crate::machine::Machine;
use crate::pod::facts::PodUid;

const LIMIT: Duration = Duration::from_secs(30);
const EXEC: &str = "/exec/ns/web/main?command=sh&input=1&output=1&error=1";

/// A served port with everything behind it.
struct Served {
    port: u16,
    calls: Calls,
    started: mpsc::UnboundedReceiver<FarEnd>,
    connected: mpsc::UnboundedReceiver<(u16, DuplexStream)>,
    scope: Scope,
    kubelet: watch::Sender<KubeletStatus>,
    _folder: TempDir,
}

fn status(id: &str, name: &str, state: ContainerState, log: String) -> ContainerStatus {
    ContainerStatus {
        id: ContainerId(id.to_owned()),
        sandbox: SandboxId("s".to_owned()),
        metadata: ContainerMetadata { name: name.to_owned(), attempt: 0 },
        state,
        created_at: None,
        started_at: Some("2024-05-01T08:00:00Z".parse().unwrap()),
        finished_at: None,
        exit_code: 0,
        image: "i".to_owned(),
        image_ref: String::new(),
        reason: String::new(),
        message: String::new(),
        labels: [(POD_NAME, "web"), (POD_NAMESPACE, "ns"), (POD_UID, "u1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        annotations: BTreeMap::new(),
        log_path: log,
    }
}

fn pod() -> Pod {
    let status = |name: &str, state: Value| {
        json!({
            "name": name, "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "containerID": format!("containerd://id-{name}"), "state": state,
        })
    };
    serde_json::from_value(json!({
        "metadata": { "name": "web", "namespace": "ns", "uid": "u1" },
        "spec": { "containers": [{ "name": "main" }, { "name": "done" }, { "name": "late" }] },
        "status": { "containerStatuses": [
            status("main", json!({ "running": {} })),
            status("done", json!({ "terminated": { "exitCode": 0, "containerID": "containerd://id-done" } })),
        ] },
    }))
    .unwrap()
}

impl Served {
    fn new(port: Port) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("0.log");
        std::fs::write(&log, "2024-05-01T08:00:01Z stdout F hello\n").unwrap();
        let log = log.to_string_lossy().into_owned();
        let (sender, started) = mpsc::unbounded_channel();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let containers = vec![
            status("id-main", "main", ContainerState::Running, log.clone()),
            status("id-done", "done", ContainerState::Exited, log),
        ];
        let views = containers.iter().map(|container| ContainerView {
            name: container.metadata.name.clone(),
            id: container.id.clone(),
            attempt: 0,
            state: container.state,
            log_path: container.log_path.clone().into(),
        });
        let sandbox = Some(SandboxId("s".to_owned()));
        let view = PodView { pod: Arc::new(pod()), sandbox, containers: views.collect() };
        let mut known = KubeletStatus::new();
        known.pods.insert(PodUid("u1".to_owned()), Arc::new(view));
        let (kubelet, known) = watch::channel(known);
        let nobody = cri::Runtime::new("/nonexistent".into(), cri::Spawner::new(drop));
        let machine = Arc::new(Machine::read("/".as_ref()).unwrap());
        let (connects, connected) = mpsc::unbounded_channel();
        let runtime = FakeRuntime { containers, calls: calls.clone(), started: sender, connected: connects };
        let server = Arc::new(Server {
            handle: KubeletHandle::new("node-1", machine, nobody, known),
            runtime: Arc::new(runtime),
            gate: Gate::new(fake::client(), CacheTtl::KUBELET),
            metrics: Metrics::new(),
            pipes: folder.path().to_owned(),
        });
        let address =
            SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
        let row = Socket { name: "test", service: "kubelet", address, binder: Binder::Host, access: "local" };
        let listener = net::bind_all(vec![row]).unwrap().listener("test").unwrap();
        let number = listener.local_port().unwrap();
        let scope = Scope::root("test");
        let stop: CancellationToken = scope.token();
        scope.spawn("serve", async move { server.serve(port, &listener, None, stop).await });
        Self { port: number, calls, started, connected, scope, kubelet, _folder: folder }
    }

    fn secure() -> Self {
        Self::new(Port::Secure)
    }

    async fn stream(&self) -> TcpStream {
        net::dial::tcp("127.0.0.1", self.port).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>) -> Response<Incoming> {
        let io = hyper_util::rt::TokioIo::new(self.stream().await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        self.scope.spawn("client", connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "node");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.send_request(request.body(net::body::empty()).unwrap()).await.unwrap()
    }

    /// Code and body of a plain request.
    async fn ask(&self, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
        let response = self.send(method, path, token).await;
        let code = response.status().as_u16();
        (code, text(response.into_body()).await)
    }

    async fn admin(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, Some("admin")).await
    }

    async fn dial(&self, path: &str, protocols: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        let mut request = format!("ws://127.0.0.1:{}{path}", self.port).into_client_request().unwrap();
        request.headers_mut().insert("authorization", "Bearer admin".parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        tokio_tungstenite::client_async(request, self.stream().await).await.map(|(socket, _)| socket)
    }

    async fn until_called(&self, call: &str) {
        let called = async {
            while !self.calls.lock().unwrap().iter().any(|each| each == call) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, called).await.unwrap();
    }
}

async fn text(body: Incoming) -> String {
    let bytes = tokio::time::timeout(LIMIT, body.collect()).await.unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What came on each channel until the server closed.
async fn drain(socket: &mut WebSocketStream<TcpStream>) -> BTreeMap<u8, Vec<u8>> {
    let mut channels: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    while let Some(Ok(message)) = tokio::time::timeout(LIMIT, socket.next()).await.unwrap() {
        if let Message::Binary(frame) = message {
            channels.entry(frame[0]).or_default().extend(&frame[1..]);
        }
    }
    channels
}

fn code_of(error: Error) -> u16 {
    match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn strangers_get_401_and_who_may_not_403() {
    let served = Served::secure();
    for (path, token, code, text) in [
        ("/pods", None, 401, "Unauthorized"),
        ("/pods", Some("stolen"), 401, "Unauthorized"),
        ("/no/such/path", None, 401, "Unauthorized"),
        ("/pods", Some("broken"), 500, "Authorization error"),
        ("/pods", Some("reader"), 200, "PodList"),
        ("/stats/summary", Some("reader"), 200, "podRef"),
        (
            "/metrics",
            Some("reader"),
            403,
            "Forbidden (user=reader, verb=get, resource=nodes, subresource(s)=[metrics])",
        ),
        (
            "/healthz",
            Some("reader"),
            403,
            "Forbidden (user=reader, verb=get, resource=nodes, subresource(s)=[healthz proxy])",
        ),
        (
            EXEC,
            Some("reader"),
            403,
            "Forbidden (user=reader, verb=create, resource=nodes, subresource(s)=[proxy])",
        ),
    ] {
        let (answered, body) = served.ask("GET", path, token).await;
        assert_eq!(answered, code, "{path} {token:?} {body}");
        assert!(body.contains(text), "{path} {token:?} {body}");
    }
}

#[tokio::test]
async fn the_read_only_port_asks_nobody_and_takes_get_alone() {
    let served = Served::new(Port::ReadOnly);
    for (method, path, code) in [
        ("GET", "/healthz", 200),
        ("GET", "/pods", 200),
        ("GET", "/metrics", 200),
        ("GET", "/stats/summary", 200),
        ("GET", "/spec", 200),
        ("POST", "/pods", 405),
        ("POST", "/run/ns/web/main?cmd=true", 405),
        ("GET", EXEC, 404),
        ("GET", "/containerLogs/ns/web/main", 404),
    ] {
        assert_eq!(served.ask(method, path, None).await.0, code, "{method} {path}");
    }
}

#[tokio::test]
async fn figures_name_containers_by_pod() {
    let served = Served::secure();
    let (_, resource) = served.admin("/metrics/resource").await;
    for line in [
        "container_cpu_usage_seconds_total{container=\"main\",namespace=\"ns\",pod=\"web\"} 1.5\n",
        "container_start_time_seconds{container=\"main\",namespace=\"ns\",pod=\"web\"} 1714550400\n",
        "pod_memory_working_set_bytes{namespace=\"ns\",pod=\"web\"} 8192\n",
        "resource_scrape_error 0\n",
    ] {
        assert!(resource.contains(line), "{line} is not in\n{resource}");
    }
    let (_, cadvisor) = served.admin("/metrics/cadvisor").await;
    let line =
        "container_memory_rss{container=\"main\",name=\"id-main\",namespace=\"ns\",pod=\"web\"} 2048\n";
    assert!(cadvisor.contains(line), "{cadvisor}");
    let summary: Value = serde_json::from_str(&served.admin("/stats/summary").await.1).unwrap();
    assert_eq!(summary["node"]["nodeName"], "node-1");
    assert_eq!(summary["pods"][0]["podRef"], json!({ "name": "web", "namespace": "ns", "uid": "u1" }));
    assert_eq!(summary["pods"][0]["containers"][0]["memory"]["workingSetBytes"], 4096);
    let running: Value = serde_json::from_str(&served.admin("/runningpods/").await.1).unwrap();
    assert_eq!(running["items"][0]["spec"]["containers"].as_array().unwrap().len(), 1, "done does not run");
}

#[tokio::test]
async fn logs_are_answered_or_say_why_not() {
    let served = Served::secure();
    for (path, code, text) in [
        ("ns/web/main", 200, "hello\n"),
        ("ns/web/main?timestamps=true", 200, "2024-05-01T08:00:01.000000000Z hello\n"),
        ("ns/web/done?follow=true", 200, "hello\n"),
        ("ns/other/main", 404, "pod does not exist"),
        ("ns/web/other", 404, "container \"other\" not found in pod \"web\""),
        ("ns/web/late", 400, "container \"late\" in pod \"web\" is waiting to start: ContainerCreating"),
        ("ns/web/main?previous=true", 400, "previous terminated container \"main\" in pod \"web\" not found"),
        ("ns/web/main?tailLines=x", 400, "cannot read tailLines=\"x\" of the query"),
    ] {
        let answered = served.admin(&format!("/containerLogs/{path}")).await;
        assert_eq!(answered, (code, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn run_gives_the_output_or_the_exit_code() {
    let served = Served::secure();
    let ask = async |path| served.ask("POST", path, Some("admin")).await;
    assert_eq!(ask("/run/ns/web/main?cmd=echo%20a").await, (200, "echo|a!".to_owned()));
    let failed = ask("/run/ns/web/main?cmd=false").await;
    assert_eq!(failed, (500, "command \"false\" exited with 1: false!".to_owned()));
    assert_eq!(ask("/run/ns/web/main").await.0, 400);
}

#[tokio::test]
async fn what_cannot_be_run_is_said_before_the_upgrade() {
    let served = Served::secure();
    let options = "command=sh&output=1";
    for (path, code, text) in [
        (format!("/exec/ns/other/main?{options}"), 404, "pod does not exist"),
        (format!("/exec/ns/web/u2/main?{options}"), 404, "pod does not exist"),
        (format!("/exec/ns/web/other?{options}"), 404, "container not found (\"other\")"),
        (format!("/exec/ns/web/done?{options}"), 404, "container not found (\"done\")"),
        (format!("/exec/ns/web/late?{options}"), 404, "container not found (\"late\")"),
        (
            "/exec/ns/web/main?command=sh".to_owned(),
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        ("/exec/ns/web/main?output=1".to_owned(), 400, "no command is given"),
        (
            format!("/exec/ns/web/main?{options}"),
            400,
            "unable to upgrade: neither a WebSocket nor SPDY/3.1 is asked for",
        ),
        ("/attach/ns/web/main".to_owned(), 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (format!("/attach/ns/web/done?{options}"), 404, "container not found (\"done\")"),
        ("/portForward/ns/other".to_owned(), 404, "pod does not exist"),
        ("/portForward/ns/web/u2".to_owned(), 404, "pod does not exist"),
        (
            "/portForward/ns/web".to_owned(),
            400,
            "unable to upgrade: neither a WebSocket nor SPDY/3.1 is asked for",
        ),
    ] {
        assert_eq!(served.admin(&path).await, (code, text.to_owned()), "{path}");
    }
    let refused = served.dial(EXEC, "v9.channel.k8s.io").await.unwrap_err();
    assert_eq!(code_of(refused), StatusCode::FORBIDDEN.as_u16());
    served.kubelet.send_modify(|known| known.runtime_error = Some("install containerd".to_owned()));
    let (code, text) = served.admin(EXEC).await;
    assert_eq!((code, text.as_str()), (503, "the container runtime does not run: install containerd"));
}

#[tokio::test]
async fn a_followed_log_ends_with_its_container() {
    let served = Served::secure();
    let following = served.send("GET", "/containerLogs/ns/web/main?follow=true", Some("admin")).await;
    let mut body = following.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello\n");
    served.kubelet.send_modify(|known| known.pods.clear());
    assert_eq!(text(body).await, "");
}

#[tokio::test]
async fn a_kubelet_that_has_ended_is_not_healthy() {
    let mut served = Served::new(Port::Health);
    assert_eq!(served.ask("GET", "/healthz", None).await, (200, "ok".to_owned()));
    drop(std::mem::replace(&mut served.kubelet, watch::channel(KubeletStatus::new()).0));
    assert_eq!(served.ask("GET", "/healthz", None).await.0, 500);
}
