//! The documents that an addon was granted: fetched, and fetched again from time to time. One that cannot be fetched is as
//! it was before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::{File, Setting};
use supervise::Backoff;
use tracing::warn;

use crate::active::Loaded;
use crate::metadata::{DocumentWant, Origin};
use crate::ports::{Documents, PortError};
use crate::pushed::Pushed;

/// How old a document may be.
const REFRESH: Duration = Duration::from_secs(5 * 60);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Pushes the documents, for as long as it is polled.
pub(crate) async fn follow(loaded: Arc<Loaded>, pushed: Arc<Pushed>, source: Arc<dyn Documents>) {
    let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
    let mut known = BTreeMap::new();
    loop {
        let fetched = fetch(&loaded, source.as_ref(), &mut known).await;
        let files = loaded.grants().documents.iter().map(|want| {
            let Fetched { url, content } = known.get(&want.name).cloned().unwrap_or_default();
            File { name: want.name.clone(), path: url, content }
        });
        pushed.documents(files.collect());
        let pause = match fetched {
            Ok(()) => {
                backoff.reset();
                REFRESH
            }
            Err(why) => {
                warn!(addon = loaded.name(), %why, "fetch the documents of an addon");
                loaded.services.ledger.line(engine::Level::Warn, &format!("documents: {why}"));
                backoff.next_delay()
            }
        };
        tokio::time::sleep(pause).await;
    }
}

#[derive(Clone, Default)]
struct Fetched {
    url: String,
    content: Option<Bytes>,
}

/// Each in turn, since one may say where the next is.
async fn fetch(
    loaded: &Loaded,
    source: &dyn Documents,
    known: &mut BTreeMap<String, Fetched>,
) -> Result<(), PortError> {
    for want in &loaded.grants().documents {
        let Some(url) = url(want, loaded.settings(), known)? else { continue };
        if !url.starts_with("https://") {
            return Err(PortError(format!(
                "the document {} is at {url:?}, which is no https URL",
                want.name
            )));
        }
        let authorities = want.authorities.as_deref().and_then(|name| text(loaded.settings(), name));
        let content = source.fetch(&url, authorities.map(PathBuf::from).as_deref()).await?;
        known.insert(want.name.clone(), Fetched { url, content: Some(content) });
    }
    Ok(())
}

/// None where the operator gave none.
fn url(
    want: &DocumentWant,
    settings: &[Setting],
    known: &BTreeMap<String, Fetched>,
) -> Result<Option<String>, PortError> {
    match want.origin() {
        Some(Origin::Setting { name, suffix }) => {
            Ok(text(settings, name).map(|base| format!("{}{suffix}", base.trim_end_matches('/'))))
        }
        Some(Origin::Field { document, field }) => {
            let Some(content) = known.get(document).and_then(|fetched| fetched.content.as_ref()) else {
                return Ok(None);
            };
            let json = serde_json::from_slice::<serde_json::Value>(content);
            let json = json.map_err(|why| PortError(format!("read the document {document}: {why}")))?;
            let url = json.get(field).and_then(serde_json::Value::as_str).map(str::to_owned);
            url.map(Some).ok_or_else(|| PortError(format!("the document {document} has no text {field:?}")))
        }
        None => Ok(None),
    }
}

/// A setting that is a text and not empty.
fn text(settings: &[Setting], name: &str) -> Option<String> {
    let setting = settings.iter().find(|setting| setting.name == name)?;
    serde_json::from_str::<String>(&setting.value).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(json: &str) -> DocumentWant {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_document_is_where_a_setting_says_or_another_document() {
        let settings = [Setting { name: "base".into(), value: r#""https://a/b/""#.into() }];
        let mut known = BTreeMap::new();
        let first = want(r#"{"name":"d","setting":"base","suffix":"/c","why":""}"#);
        let next = want(r#"{"name":"k","document":"d","field":"at","why":""}"#);
        assert_eq!(url(&first, &settings, &known).unwrap().unwrap(), "https://a/b/c");
        assert_eq!(url(&first, &[], &known).unwrap(), None);
        assert_eq!(url(&next, &settings, &known).unwrap(), None);
        let mut fetched = |content: &'static str| {
            let content = Some(Bytes::from_static(content.as_bytes()));
            known.insert("d".to_owned(), Fetched { url: String::new(), content });
            url(&next, &settings, &known).map_err(|why| why.to_string())
        };
        assert_eq!(fetched(r#"{"at":"https://k"}"#).unwrap().unwrap(), "https://k");
        assert_eq!(fetched("{}").unwrap_err(), r#"the document d has no text "at""#);
        assert!(fetched("{").unwrap_err().starts_with("read the document d: "));
    }
}
