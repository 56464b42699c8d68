//! How a definition says its objects are converted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use objects::Tree;
use objects::validate::{FieldError, Path, dns1123_subdomain, port_number};

use super::Spec;
use super::names::refused;
use crate::schema::Url;

/// The versions of ConversionReview that are spoken, sorted.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

pub(super) fn validate(spec: &Spec<'_>, old: Option<&Spec<'_>>, path: &Path, errors: &mut Vec<FieldError>) {
    let Some(conversion) = spec.tree.get("conversion").filter(|conversion| !conversion.is_null()) else {
        return;
    };
    let strategy = conversion.str_at(&["strategy"]).unwrap_or_default();
    let strategy_path = path.child("strategy");
    if strategy != "None" && spec.preserves_unknown_fields() {
        let detail = "must be None if spec.preserveUnknownFields is true";
        errors.push(FieldError::invalid(&strategy_path, strategy, detail));
    }
    match strategy {
        "" => errors.push(FieldError::required(&strategy_path, "")),
        "None" | "Webhook" => {}
        other => errors.push(FieldError::not_supported(&strategy_path, other, &["None", "Webhook"])),
    }
    let client = conversion.at(&["webhook", "clientConfig"]);
    let versions = conversion.items_at(&["webhook", "conversionReviewVersions"]);
    let (client_path, versions_path) =
        (path.child("webhookClientConfig"), path.child("conversionReviewVersions"));
    if strategy == "Webhook" {
        match client {
            None => {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required(&client_path, detail));
            }
            Some(client) => self::client(client, old, &client_path, errors),
        }
        review_versions(versions, old, &versions_path, errors);
        return;
    }
    let detail = "should not be set when strategy is not set to Webhook";
    if client.is_some() {
        errors.push(FieldError::forbidden(&client_path, detail));
    }
    if !versions.is_empty() {
        errors.push(FieldError::forbidden(&versions_path, detail));
    }
}

fn client(client: &Tree, old: Option<&Spec<'_>>, path: &Path, errors: &mut Vec<FieldError>) {
    match (client.str_at(&["url"]), client.get("service")) {
        (Some(url), None) => webhook_url(url, &path.child("url"), errors),
        (None, Some(service)) => self::service(service, &path.child("service"), errors),
        _ => errors.push(FieldError::required(path, "exactly one of url or service is required")),
    }
    // A bundle that was bad before may stay so, and one of a definition that is not established yet.
    let old_is_good = old.is_some_and(|old| {
        old.established
            && old
                .tree
                .str_at(&["conversion", "webhook", "clientConfig", "caBundle"])
                .is_none_or(|bundle| refused_ca_bundle(bundle).is_none())
    });
    if let Some(bundle) = client.str_at(&["caBundle"]).filter(|bundle| old_is_good && !bundle.is_empty())
        && let Some(why) = refused_ca_bundle(bundle)
    {
        errors.push(FieldError::invalid(&path.child("caBundle"), bundle, why));
    }
}

fn webhook_url(text: &str, path: &Path, errors: &mut Vec<FieldError>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(why) => {
            let detail = format!("url must be a valid URL: parse {text:?}: {why}{FORM}");
            return errors.push(FieldError::required(path, detail));
        }
    };
    let mut refuse = |wrong: bool, value: &str, detail: String| {
        if wrong {
            errors.push(FieldError::invalid(path, value, detail));
        }
    };
    refuse(url.scheme != "https", url.scheme, format!("'https' is the only allowed URL scheme{FORM}"));
    refuse(url.host.is_empty(), url.host, format!("host must be specified{FORM}"));
    let user = url.user.unwrap_or_default();
    refuse(url.user.is_some(), user, "user information is not permitted in the URL".to_owned());
    refuse(!url.fragment.is_empty(), url.fragment, "fragments are not permitted in the URL".to_owned());
    refuse(!url.query.is_empty(), url.query, "query parameters are not permitted in the URL".to_owned());
}

fn service(service: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    for name in ["name", "namespace"] {
        if service.str_at(&[name]).unwrap_or_default().is_empty() {
            errors.push(FieldError::required(&path.child(name), ""));
        }
    }
    let port = service.i64_at(&["port"]).unwrap_or(443);
    let refused = port_number(port);
    if !refused.is_empty() {
        let detail = format!("port is not valid: {}", refused.join(", "));
        errors.push(FieldError::invalid(&path.child("port"), port, detail));
    }
    let Some(text) = service.str_at(&["path"]).filter(|text| !["", "/"].contains(text)) else { return };
    let mut refuse = |detail: String| errors.push(FieldError::invalid(&path.child("path"), text, detail));
    if text == "//" {
        return refuse("segment[0] may not be empty".to_owned());
    }
    if !text.starts_with('/') {
        refuse("must start with a '/'".to_owned());
    }
    let mut segments = text.chars();
    segments.next();
    let segments = segments.as_str();
    for (index, segment) in segments.strip_suffix('/').unwrap_or(segments).split('/').enumerate() {
        if segment.is_empty() {
            refuse(format!("segment[{index}] may not be empty"));
        } else {
            let refused = dns1123_subdomain(segment);
            refused.into_iter().for_each(|message| refuse(format!("segment[{index}]: {message}")));
        }
    }
}

fn review_versions(versions: &[Tree], old: Option<&Spec<'_>>, path: &Path, errors: &mut Vec<FieldError>) {
    if versions.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, name) in versions.iter().map(|version| version.as_str().unwrap_or_default()).enumerate() {
        let detail = if seen.insert(name) { refused(name) } else { Some("duplicate version".to_owned()) };
        errors.extend(detail.map(|detail| FieldError::invalid(&path.index(index), name, detail)));
    }
    let spoken = |versions: &[Tree]| {
        versions.iter().any(|version| version.as_str().is_some_and(|name| REVIEW_VERSIONS.contains(&name)))
    };
    // What was accepted without a version that is spoken stays accepted.
    let old_is_good = old.is_none_or(|old| {
        let versions = old.tree.items_at(&["conversion", "webhook", "conversionReviewVersions"]);
        versions.is_empty() || spoken(versions)
    });
    if old_is_good && !spoken(versions) {
        let detail = format!("must include at least one of {}", REVIEW_VERSIONS.join(", "));
        errors.push(FieldError::invalid(path, Tree::Array(versions.to_vec()), detail));
    }
}

/// Why a bundle (base64, as in the object) holds no certificates; their content is not looked into.
pub(crate) fn refused_ca_bundle(bundle: &str) -> Option<String> {
    let no_block = "unable to load root certificates: unable to parse bytes as PEM block".to_owned();
    let Some(pem) = STANDARD.decode(bundle).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Some(no_block);
    };
    if pem.is_empty() {
        return None;
    }
    let mut blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let whole = |block: &str| {
        block.split_once("-----END CERTIFICATE-----").is_some_and(|(body, _)| {
            let body: String = body.split_ascii_whitespace().collect();
            !body.is_empty() && STANDARD.decode(body).is_ok()
        })
    };
    (!blocks.any(whole)).then_some(no_block)
}
