//! An addon that uses all that may be granted, and fills the roles that no first-party addon has: the name of what is
//! written says what it is to do.

use sdk::{
    Admission, Dns, Error, Event, GroupVersionResource, Lifecycle, Overlay, Scheduling, admission, clock,
    dns, kube, kv, metrics, overlay, pki, scheduling,
};

fn target(resource: &str, subresource: &str) -> kube::Target {
    let (group, version) = (String::new(), "v1".to_owned());
    kube::Target {
        resource: GroupVersionResource { group, version, resource: resource.to_owned() },
        subresource: subresource.to_owned(),
        namespace: String::new(),
        name: String::new(),
        extra: Vec::new(),
    }
}

#[derive(Default)]
struct Able {
    heard: Vec<String>,
}

sdk::addon!(Able: lifecycle, admission, dns, overlay, scheduling);

/// Does what the words say, and tells what came of it.
fn act(words: &[&str]) -> Result<String, Error> {
    let io = |why: std::io::Error| Error::Other(why.kind().to_string());
    Ok(match words {
        ["put", key, bytes] => {
            kv::put(key, &vec![b'x'; bytes.parse().unwrap_or(0)])?;
            "kept".to_owned()
        }
        ["get", key] => kv::get(key)?.map_or("nothing".to_owned(), |value| format!("{} bytes", value.len())),
        ["many", calls] => {
            (0..calls.parse().unwrap_or(0)).for_each(|_| drop(kv::get("a")));
            "asked".to_owned()
        }
        ["list", resource] => format!("{} objects", kube::list(&target(resource, ""))?.len()),
        ["get-object", resource, subresource] => {
            format!("{} bytes", kube::get(&target(resource, subresource))?.len())
        }
        ["misspell", name] => {
            let mut target = target("configmaps", "");
            target.extra.push(((*name).to_owned(), String::new()));
            format!("{} objects", kube::list(&target)?.len())
        }
        ["issue", common_name, organization, days] => {
            let issued = pki::issue(&pki::Request {
                common_name: (*common_name).to_owned(),
                organizations: vec![(*organization).to_owned()],
                names: Vec::new(),
                usages: vec![pki::Usage::Client],
                life: days.parse::<u64>().unwrap_or(0) * 24 * 60 * 60,
                extra: Vec::new(),
            })?;
            format!("{} bytes", issued.chain.len())
        }
        ["count", metric] => {
            metrics::add(
                metric,
                &[metrics::Label { name: "what".to_owned(), value: "a\"b".to_owned() }],
                2.0,
            );
            "counted".to_owned()
        }
        ["gauge", metric] => {
            metrics::set(metric, &[], 7.5);
            "set".to_owned()
        }
        ["observe", metric] => {
            metrics::observe(metric, &[], 0.02);
            "observed".to_owned()
        }
        ["series", count] => {
            for one in 0..count.parse().unwrap_or(0) {
                metrics::set(
                    "many",
                    &[metrics::Label { name: "one".to_owned(), value: format!("{one}") }],
                    1.0,
                );
            }
            "told".to_owned()
        }
        ["clock"] => {
            let (now, monotonic) = (clock::now(), clock::monotonic());
            if clock::monotonic() < monotonic { "back".to_owned() } else { format!("{}", now > 0) }
        }
        ["read", path] => std::fs::read_to_string(path).map_err(io)?,
        ["write", path] => {
            std::fs::write(path, "written").map_err(io)?;
            "written".to_owned()
        }
        ["link", from, to] => {
            std::fs::hard_link(from, to).map_err(io)?;
            "linked".to_owned()
        }
        ["rename", from, to] => {
            std::fs::rename(from, to).map_err(io)?;
            "renamed".to_owned()
        }
        other => other.join(" "),
    })
}

impl Lifecycle for Able {
    /// Keeps what it heard, in its memory and in its store.
    fn notify(&mut self, event: Event) -> Result<(), Error> {
        self.heard.push(match event {
            Event::Enabled => "enabled".to_owned(),
            Event::Disabled => "disabled".to_owned(),
            Event::UnitStarting(unit) => format!("{unit} starts"),
            Event::UnitReady(unit) if unit == "trap" => panic!("asked to trap"),
            Event::UnitReady(unit) => format!("{unit} is ready"),
            Event::UnitStopping(unit) => format!("{unit} stops"),
            Event::NodeJoined(node) => format!("{node} joined"),
            Event::CertsRenewed(files) => format!("{} renewed", files.join(", ")),
            Event::Other(_) => return Ok(()),
        });
        kv::put("heard", self.heard.join("; ").as_bytes())
    }

    fn reconcile(&mut self) -> Result<Option<u32>, Error> {
        let count = kv::get("reconciled")?.map_or(0, |value| value.len());
        kv::put("reconciled", &vec![b'x'; count + 1])?;
        match kv::get("fail")? {
            Some(_) => Err(Error::Unavailable("as asked".to_owned())),
            None => Ok(None),
        }
    }
}

impl Admission for Able {
    /// Adds a label to what has none of it.
    fn mutate(&self, request: &admission::Request) -> Result<admission::Mutation, Error> {
        let object = String::from_utf8_lossy(request.object.as_deref().unwrap_or_default()).into_owned();
        if object.contains("\"seen\"") {
            return Ok(admission::Mutation::default());
        }
        let patch = if object.contains("\"labels\"") {
            r#"[{"op":"add","path":"/metadata/labels/seen","value":"yes"}]"#
        } else {
            r#"[{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}]"#
        };
        let mut mutation = admission::Mutation::patch(patch);
        mutation.review.warnings.push(format!("{} gets a label", request.object_kind));
        Ok(mutation)
    }

    /// What the annotation `do` says is done, and what came of it is why the write is refused; without one it goes on.
    fn validate(&self, request: &admission::Request) -> Result<admission::Review, Error> {
        let object = String::from_utf8_lossy(request.object.as_deref().unwrap_or_default()).into_owned();
        let Some((_, rest)) = object.split_once("\"do\":\"") else { return Ok(admission::Review::default()) };
        let words: Vec<_> = rest.split('"').next().unwrap_or_default().split(' ').collect();
        Ok(admission::Review::denied(act(&words)?))
    }
}

impl Dns for Able {
    /// `REFUSED` to every query but the empty one, which is for others.
    fn answer(&self, query: &[u8], client: &dns::Client) -> Result<dns::Response, Error> {
        match query {
            [] if client.transport == "tcp" => Ok(dns::Response::Forward(Vec::new())),
            [] => Ok(dns::Response::Drop),
            [high, low, rest @ ..] => {
                let mut reply = vec![*high, *low];
                reply.extend(rest);
                if let Some(flags) = reply.get_mut(2..4) {
                    flags.copy_from_slice(&[0x80, 5]);
                }
                Ok(dns::Response::Reply(reply))
            }
            [_] => Err(Error::Invalid("a message has a header".to_owned())),
        }
    }
}

impl Overlay for Able {
    /// A VXLAN to every other node.
    fn plan_for(&self, cluster: &overlay::Cluster) -> Result<overlay::Plan, Error> {
        let here = cluster.nodes.iter().find(|node| node.name == cluster.this_node);
        let here = here.ok_or_else(|| Error::Invalid(format!("{} is no node", cluster.this_node)))?;
        let address = |node: &overlay::Node| node.addresses.first().cloned().unwrap_or_default();
        let others = || cluster.nodes.iter().filter(|node| node.name != cluster.this_node);
        let extra = Vec::new;
        Ok(overlay::Plan {
            links: vec![overlay::Link {
                name: "vxlan.able".to_owned(),
                kind: overlay::LinkKind::Vxlan(overlay::Vxlan {
                    vni: 4096,
                    port: 4789,
                    local: address(here),
                }),
                mac: String::new(),
                mtu: 1450,
                addresses: Vec::new(),
                extra: extra(),
            }],
            routes: others()
                .flat_map(|node| node.pod_cidrs.iter().map(move |cidr| (node, cidr)))
                .map(|(node, cidr)| overlay::Route {
                    destination: cidr.clone(),
                    gateway: address(node),
                    link: "vxlan.able".to_owned(),
                    on_link: true,
                    extra: extra(),
                })
                .collect(),
            neighbours: Vec::new(),
            rules: cluster
                .cluster_cidrs
                .iter()
                .map(|cidr| overlay::FilterRule {
                    hook: overlay::Hook::Postrouting,
                    sources: vec![cidr.clone()],
                    destinations: Vec::new(),
                    not_destinations: vec![cidr.clone()],
                    protocol: String::new(),
                    ports: Vec::new(),
                    action: overlay::Action::Masquerade,
                    extra: extra(),
                })
                .collect(),
            extra: extra(),
        })
    }
}

impl Scheduling for Able {
    /// Pods go to no node that is called old.
    fn filter(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Refusal>, Error> {
        let old = candidates.nodes.iter().filter(|node| node.starts_with("old"));
        let refused = |node| scheduling::Refusal {
            resolvable: true,
            ..scheduling::Refusal::lasting(node, "node(s) were old")
        };
        Ok(old.map(refused).collect())
    }

    /// The longer its name, the better the node; and nothing can be asked meanwhile.
    fn score(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Rating>, Error> {
        match candidates.pod.as_slice() {
            b"ask" => drop(kv::get("a")?),
            pod => assert!(pod.starts_with(b"{"), "a pod is JSON"),
        }
        let length = |node: &String| u32::try_from(node.len()).unwrap_or(0);
        Ok(candidates.nodes.iter().map(|node| scheduling::Rating::new(node, length(node))).collect())
    }
}
