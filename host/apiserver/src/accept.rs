//! The media types that a request accepts: RFC 9110's `Accept`, with the parameters that Kubernetes gives them.

use http::{HeaderMap, header};

/// One alternative of `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaRange<'a> {
    /// `application/json`, `application/*` or `*/*`.
    name: &'a str,
    parameters: &'a str,
}

/// What the request accepts, what it prefers first. No `Accept` accepts anything.
pub(crate) fn ranges(headers: &HeaderMap) -> Vec<MediaRange<'_>> {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges: Vec<MediaRange<'_>> =
        texts.flat_map(|text| text.split(',')).map(MediaRange::read).collect();
    if ranges.is_empty() {
        ranges.push(MediaRange::read("*/*"));
    }
    ranges.sort_by(|one, two| two.quality().total_cmp(&one.quality()));
    ranges.retain(|range| range.quality() > 0.0);
    ranges
}

impl<'a> MediaRange<'a> {
    fn read(text: &'a str) -> Self {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        Self { name: name.trim(), parameters }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().trim_matches('"'))
    }

    /// Whether it covers a media type: its name, and of its parameters those that tell forms of one type apart.
    pub(crate) fn covers(&self, media_type: &str) -> bool {
        const TELLING: [&str; 3] = ["g", "v", "as"];
        let other = MediaRange::read(media_type);
        let named = match self.name.split_once("/*") {
            Some(("*", "")) => true,
            Some((kind, "")) => other.name.split('/').next() == Some(kind),
            _ => self.name.eq_ignore_ascii_case(other.name),
        };
        named && TELLING.iter().all(|name| self.parameter(name) == other.parameter(name))
    }

    fn quality(&self) -> f32 {
        self.parameter("q").map_or(1.0, |text| text.parse().unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::ranges;

    fn check(accept: &'static str, offered: &[&str], wanted: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let chosen =
            ranges(&headers).iter().find_map(|range| offered.iter().find(|offer| range.covers(offer)));
        assert_eq!(chosen.copied(), wanted, "{accept}");
    }

    #[test]
    fn the_preferred_form_is_told_by_name_and_parameters() {
        const PLAIN: &str = "application/json";
        const OTHER: &str = "application/json;g=x;v=v2;as=List";
        let offered = [PLAIN, OTHER];
        check("application/json;g=x;v=v2;as=List,application/json", &offered, Some(OTHER));
        check("application/json;g=x;v=v2;as=List;profile=p", &offered, Some(OTHER));
        check("application/json;g=x;v=v3;as=List, application/json", &offered, Some(PLAIN));
        check("application/json;q=0.5, application/json;v=v2;g=x;as=List", &offered, Some(OTHER));
        check("application/*", &offered, Some(PLAIN));
        check("text/html, */*;q=0.1", &offered, Some(PLAIN));
    }

    #[test]
    fn what_is_not_offered_or_refused_is_not_chosen() {
        check("application/yaml", &["application/json"], None);
        check("application/json;q=0", &["application/json"], None);
        check("application/json;as=Table", &["application/json"], None);
    }
}
