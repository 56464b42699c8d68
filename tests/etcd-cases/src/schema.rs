//! The messages and methods of etcd's API, as its descriptors tell.

use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};

const PACKAGE: &str = "etcdserverpb";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(etcd::wire::DESCRIPTORS).expect("the build made the descriptors")
});

/// A method to call; one that the API does not have takes and gives bytes.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    path: PathAndQuery,
    descriptor: Option<MethodDescriptor>,
}

impl Method {
    /// `KV.Range`, or the path of a method of another package: `/grpc.health.v1.Health/Check`.
    pub(crate) fn find(name: &str) -> Result<Self> {
        if name.starts_with('/') {
            return Ok(Self { path: name.parse()?, descriptor: None });
        }
        let Some((service, method)) = name.split_once('.') else { bail!("{name} is no SERVICE.METHOD") };
        let path = format!("/{PACKAGE}.{service}/{method}").parse()?;
        let service = POOL.get_service_by_name(&format!("{PACKAGE}.{service}"));
        let descriptor = service.and_then(|service| service.methods().find(|of| of.name() == method));
        Ok(Self { path, descriptor })
    }

    pub(crate) fn path(&self) -> PathAndQuery {
        self.path.clone()
    }

    /// `None` where the message is bytes.
    pub(crate) fn input(&self) -> Option<MessageDescriptor> {
        self.descriptor.as_ref().map(MethodDescriptor::input)
    }

    /// `None` where the message is bytes.
    pub(crate) fn output(&self) -> Option<MessageDescriptor> {
        self.descriptor.as_ref().map(MethodDescriptor::output)
    }

    /// Whether it is called by one message and answered by one.
    pub(crate) fn is_unary(&self) -> bool {
        self.descriptor
            .as_ref()
            .is_none_or(|method| !method.is_client_streaming() && !method.is_server_streaming())
    }
}

/// Reads a message in protobuf's text format.
pub(crate) fn parse(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage> {
    DynamicMessage::parse_text_format(descriptor.clone(), text)
        .with_context(|| format!("{} is not {text:?}", descriptor.name()))
}

/// The id of the member that answered with this `StatusResponse`.
pub(crate) fn member(status: &[u8]) -> Result<u64> {
    let status: etcd::wire::etcdserverpb::StatusResponse = prost::Message::decode(status)?;
    Ok(status.header.context("an answer has a header")?.member_id)
}

#[cfg(test)]
pub(crate) fn message(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(&format!("{PACKAGE}.{name}")).expect("a message of the API")
}
