//! The methods that can be called, read off their descriptors, and what is counted of each call.

use std::collections::HashMap;
use std::sync::Arc;

use observe::counter::Counter;
use observe::family::Family;
use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::{Code, Status};

use crate::wire::DESCRIPTORS;

/// Who answers the methods of which service.
const SERVICES: &[(&str, Service)] = &[
    ("etcdserverpb.KV", Service::Kv),
    ("etcdserverpb.Watch", Service::Watch),
    ("etcdserverpb.Lease", Service::Lease),
    ("etcdserverpb.Cluster", Service::Cluster),
    ("etcdserverpb.Maintenance", Service::Maintenance),
    ("grpc.health.v1.Health", Service::Health),
    ("grpc.reflection.v1.ServerReflection", Service::Reflection),
    ("grpc.reflection.v1alpha.ServerReflection", Service::ReflectionAlpha),
];

/// Where those are described.
pub(super) const FILES: &[&[u8]] = &[
    DESCRIPTORS,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Every code in the order of its number, as grpc-go names it.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Kv,
    Watch,
    Lease,
    Cluster,
    Maintenance,
    Health,
    Reflection,
    ReflectionAlpha,
}

/// A method and its counters.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) service: Service,
    pub(super) started: Counter,
    handled: [Counter; CODES.len()],
}

impl Method {
    pub(super) fn handled(&self, code: Code) {
        if let Some(counter) = self.handled.get(code as usize) {
            counter.inc();
        }
    }
}

#[derive(Debug)]
pub(super) struct Methods(HashMap<String, Arc<Method>>);

type Calls = Family<Vec<(&'static str, String)>, Counter>;

impl Methods {
    /// Each is counted in the registry.
    ///
    /// # Errors
    /// When the descriptors cannot be read.
    pub(super) fn new(registry: &observe::Metrics) -> Result<Self, prost::DecodeError> {
        let (started, handled) = (Calls::default(), Calls::default());
        registry.register("grpc_server_started", "Calls begun on the server", started.clone());
        registry.register("grpc_server_handled", "Calls ended on the server", handled.clone());
        let mut methods = HashMap::new();
        for file in FILES {
            for file in FileDescriptorSet::decode(*file)?.file {
                for described in &file.service {
                    let name = format!("{}.{}", file.package(), described.name());
                    let Some((_, service)) = SERVICES.iter().find(|(known, _)| *known == name) else {
                        continue;
                    };
                    for method in &described.method {
                        let labels = labels(&name, method);
                        let handled = CODES.map(|code| {
                            let code = ("grpc_code", code.to_owned());
                            handled.get_or_create_owned(&labels.iter().cloned().chain([code]).collect())
                        });
                        let started = started.get_or_create_owned(&labels);
                        let path = format!("/{name}/{}", method.name());
                        methods.insert(path, Arc::new(Method { service: *service, started, handled }));
                    }
                }
            }
        }
        Ok(Self(methods))
    }

    pub(super) fn find(&self, path: &str) -> Option<&Arc<Method>> {
        self.0.get(path)
    }

    /// What grpc-go says of a path that nobody answers.
    pub(super) fn unknown(path: &str) -> Status {
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) else {
            return Status::unimplemented(format!("malformed method name: {path:?}"));
        };
        if SERVICES.iter().any(|(known, _)| *known == service) {
            Status::unimplemented(format!("unknown method {method} for service {service}"))
        } else {
            Status::unimplemented(format!("unknown service {service}"))
        }
    }
}

fn labels(service: &str, method: &MethodDescriptorProto) -> Vec<(&'static str, String)> {
    let kind = match (method.client_streaming(), method.server_streaming()) {
        (false, false) => "unary",
        (false, true) => "server_stream",
        (true, false) => "client_stream",
        (true, true) => "bidi_stream",
    };
    vec![
        ("grpc_type", kind.to_owned()),
        ("grpc_service", service.to_owned()),
        ("grpc_method", method.name().to_owned()),
    ]
}
