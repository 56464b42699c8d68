//! The calls of CRI's ImageService.

use crate::{Error, Runtime, container::timestamp, wire::image as wire, wire::runtime::ImageSpec};
use jiff::Timestamp;

/// An image that the runtime has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of its configuration.
    pub id: String,
    pub repo_tags: Vec<String>,
    pub repo_digests: Vec<String>,
    pub size: u64,
    /// The user that its configuration names, by number …
    pub uid: Option<i64>,
    /// … or by name; empty where none is named.
    pub username: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageCredentials {
    pub username: String,
    pub password: String,
    /// `user:password` in base64, as `.dockerconfigjson` has it.
    pub auth: String,
    pub server_address: String,
    pub identity_token: String,
    pub registry_token: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesystemUsage {
    pub at: Option<Timestamp>,
    pub mountpoint: String,
    pub used_bytes: u64,
    pub inodes_used: u64,
}

impl From<wire::Image> for Image {
    fn from(from: wire::Image) -> Self {
        Self {
            id: from.id,
            repo_tags: from.repo_tags,
            repo_digests: from.repo_digests,
            size: from.size,
            uid: from.uid.map(|uid| uid.value),
            username: from.username,
        }
    }
}

fn spec(image: &str) -> Option<ImageSpec> {
    Some(ImageSpec { image: image.to_owned(), ..ImageSpec::default() })
}

impl Runtime {
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        let answer: wire::ListImagesResponse = self
            .channel
            .unary("/runtime.v1.ImageService/ListImages", wire::ListImagesRequest { filter: None })
            .await?;
        Ok(answer.images.into_iter().map(Into::into).collect())
    }

    /// `None` when the runtime does not have it.
    pub async fn image(&self, image: &str) -> Result<Option<Image>, Error> {
        let request = wire::ImageStatusRequest { image: spec(image), verbose: false };
        let answer: wire::ImageStatusResponse =
            self.channel.unary("/runtime.v1.ImageService/ImageStatus", request).await?;
        Ok(answer.image.map(Into::into))
    }

    /// Fetches an image from its registry; gives its id.
    pub async fn pull_image(
        &self,
        image: &str,
        credentials: Option<ImageCredentials>,
    ) -> Result<String, Error> {
        let auth = credentials.map(|from| wire::AuthConfig {
            username: from.username,
            password: from.password,
            auth: from.auth,
            server_address: from.server_address,
            identity_token: from.identity_token,
            registry_token: from.registry_token,
        });
        let request = wire::PullImageRequest { image: spec(image), auth, sandbox_config: None };
        let answer: wire::PullImageResponse =
            self.channel.unary("/runtime.v1.ImageService/PullImage", request).await?;
        Ok(answer.image_ref)
    }

    pub async fn remove_image(&self, image: &str) -> Result<(), Error> {
        let request = wire::RemoveImageRequest { image: spec(image) };
        let _: wire::RemoveImageResponse =
            self.channel.unary("/runtime.v1.ImageService/RemoveImage", request).await?;
        Ok(())
    }

    /// What images use of the disk.
    pub async fn image_filesystems(&self) -> Result<Vec<FilesystemUsage>, Error> {
        let answer: wire::ImageFsInfoResponse =
            self.channel.unary("/runtime.v1.ImageService/ImageFsInfo", wire::ImageFsInfoRequest {}).await?;
        let usage = |from: crate::wire::runtime::FilesystemUsage| FilesystemUsage {
            at: timestamp(from.timestamp),
            mountpoint: from.fs_id.unwrap_or_default().mountpoint,
            used_bytes: from.used_bytes.map(|used| used.value).unwrap_or_default(),
            inodes_used: from.inodes_used.map(|used| used.value).unwrap_or_default(),
        };
        Ok(answer.image_filesystems.into_iter().map(usage).collect())
    }
}
