//! Claims of what is answered to the network: `dns` and `overlay`.

use std::net::{IpAddr, Ipv4Addr};

use engine::{Cluster, ClusterNode, DnsAnswer, DnsClient, Role};

use super::{Broken, Claim, Run, Trial, answered, broken, inputs, pushes};
use crate::author::case::packet;

/// Nodes of a large cluster.
const MANY: u16 = 1000;
/// The head of a message (RFC 1035).
const HEAD: usize = 12;
/// The bit that tells a reply from a query.
const REPLY: u8 = 0x80;
const CLIENT: DnsClient<'_> = DnsClient { address: "10.1.0.7:40000", transport: "udp" };

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Dns),
        text: "replies to what was asked, or says where to ask",
        holds: |trial| Box::pin(async { replies_fit(trial) }),
    },
    Claim {
        role: Some(Role::Dns),
        text: "survives the worst packets, each within the time of a request",
        holds: |trial| Box::pin(async { worst_packets(trial) }),
    },
    Claim {
        role: Some(Role::Overlay),
        text: "plans the same for the same cluster, in the same instance and in another",
        holds: |trial| Box::pin(plans_stay(trial)),
    },
    Claim {
        role: Some(Role::Overlay),
        text: "survives the worst clusters",
        holds: |trial| Box::pin(worst_clusters(trial)),
    },
];

fn replies_fit(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.instance()?;
    pushes::nothing(trial, &mut run)?;
    for (name, number) in [("kubernetes.default.svc.cluster.local", 1), ("example.com", 28), ("", 2)] {
        let query = packet(name, number).unwrap_or_default();
        let what = format!("a query for {name:?}");
        match answered(&what, run.instance.answer(&query, CLIENT))? {
            Some(DnsAnswer::Reply(reply)) => {
                let fits = reply.len() >= HEAD && reply[..2] == query[..2] && reply[2] & REPLY != 0;
                if !fits {
                    return broken(format!(
                        "what it gives for {what} is no reply to it: repeat the id, and set the bit QR"
                    ));
                }
            }
            Some(DnsAnswer::Forward(servers)) => {
                let wrong = servers.iter().find(|server| server.parse::<std::net::SocketAddr>().is_err());
                if let Some(server) = wrong {
                    return broken(format!("{what} is forwarded to {server:?}: write ADDRESS:PORT"));
                }
            }
            Some(DnsAnswer::Other(name)) => {
                return broken(format!("{what} gets {name:?}, which this release does not know"));
            }
            Some(DnsAnswer::Drop) | None => {}
        }
    }
    Ok(())
}

fn worst_packets(trial: &Trial<'_>) -> Result<(), Broken> {
    let query = packet("kubernetes.default.svc.cluster.local", 1).unwrap_or_default();
    let with = |place: usize, byte: u8| {
        let mut packet = query.clone();
        packet[place] = byte;
        packet
    };
    let mut worst: Vec<_> =
        inputs::contents().into_iter().map(|(name, bytes)| (format!("a packet of {name}"), bytes)).collect();
    worst.extend(
        (0..query.len()).map(|end| (format!("a packet cut after {end} bytes"), query[..end].to_vec())),
    );
    worst.extend([
        ("a reply instead of a query".to_owned(), with(2, REPLY)),
        ("an operation that there is not".to_owned(), with(2, 0x78)),
        ("65535 questions that are not there".to_owned(), {
            let mut packet = with(4, 0xff);
            packet[5] = 0xff;
            packet
        }),
        ("a name that leads to itself".to_owned(), [&query[..HEAD], &[0xc0, 0x0c, 0, 1, 0, 1]].concat()),
        (
            "a name that leads out of the packet".to_owned(),
            [&query[..HEAD], &[0xff, 0xff, 0, 1, 0, 1]].concat(),
        ),
        ("a label longer than the packet".to_owned(), [&query[..HEAD], &[63, b'a']].concat()),
        ("64 KiB of ones".to_owned(), vec![0xff; 65_535]),
    ]);
    for (what, bytes) in worst {
        let mut run = trial.instance()?;
        pushes::nothing(trial, &mut run)?;
        answered(&what, run.instance.answer(&bytes, CLIENT))?;
    }
    Ok(())
}

fn node(index: u16) -> ClusterNode {
    let [high, low] = index.to_be_bytes();
    ClusterNode {
        name: format!("node-{index}"),
        addresses: vec![IpAddr::V4(Ipv4Addr::new(192, 168, high, low))],
        pod_cidrs: vec![format!("10.1.{}.{}/26", index >> 2, (index & 3) << 6)],
    }
}

fn cluster(run: &Run, nodes: Vec<ClusterNode>) -> Cluster {
    Cluster {
        this_node: "node-0".to_owned(),
        nodes,
        cluster_cidrs: vec!["10.1.0.0/16".to_owned()],
        settings: engine::Services::settings(run.host.as_ref()),
    }
}

fn told(trial: &Trial<'_>) -> Result<Run, Broken> {
    let mut run = trial.patient()?;
    pushes::nothing(trial, &mut run)?;
    Ok(run)
}

async fn plans_stay(trial: &Trial<'_>) -> Result<(), Broken> {
    let (mut run, mut other) = (told(trial)?, told(trial)?);
    let asked = cluster(&run, (0..3).map(node).collect());
    let first = answered("three nodes", run.instance.plan(&asked).await)?;
    let again = answered("three nodes", run.instance.plan(&asked).await)?;
    let elsewhere = answered("three nodes", other.instance.plan(&asked).await)?;
    if first == again && first == elsewhere {
        return Ok(());
    }
    broken("the plans differ: let nothing but the cluster and what was pushed decide")
}

async fn worst_clusters(trial: &Trial<'_>) -> Result<(), Broken> {
    let run = told(trial)?;
    let mut worst = vec![
        ("a cluster without nodes".to_owned(), cluster(&run, Vec::new())),
        ("a cluster that does not have this node".to_owned(), cluster(&run, vec![node(1)])),
        (format!("{MANY} nodes"), cluster(&run, (0..MANY).map(node).collect())),
        ("a node without addresses".to_owned(), {
            cluster(
                &run,
                vec![node(0), ClusterNode { addresses: Vec::new(), pod_cidrs: Vec::new(), ..node(1) }],
            )
        }),
        ("a node that comes twice".to_owned(), cluster(&run, vec![node(0), node(0)])),
    ];
    worst.extend(inputs::texts().into_iter().map(|(name, text)| {
        let strange = ClusterNode { name: text.clone(), pod_cidrs: vec![text.clone()], ..node(1) };
        let asked = cluster(&run, vec![node(0), strange]);
        (format!("a node of {name}"), Cluster { cluster_cidrs: vec![text], ..asked })
    }));
    for (what, asked) in worst {
        let mut run = told(trial)?;
        answered(&what, run.instance.plan(&asked).await)?;
    }
    Ok(())
}
