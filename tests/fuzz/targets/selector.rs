//! A selector and labels to try it on: what is read is shown so that it reads back, and selects the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use objects::selector::field::FieldSelector;
use objects::selector::label::LabelSelector;

fuzz_target!(|data: &[u8]| {
    let Some([text, labels]) = fuzz::texts(data) else { return };
    let labels = fuzz::tree(labels).unwrap_or_default();
    let label = |key: &str| labels.str_at(&[key]);
    if let Ok(selector) = LabelSelector::parse(text) {
        let again = LabelSelector::parse(&selector.to_string()).expect("what is shown is a selector");
        assert_eq!(again, selector);
        assert_eq!(selector.clone().and(again).matches(label), selector.matches(label));
    }
    if let Ok(selector) = FieldSelector::parse(text) {
        let again = FieldSelector::parse(&selector.to_string()).expect("what is shown is a selector");
        assert_eq!(again, selector);
        let _selects = selector.matches(|field| label(field).unwrap_or_default().into());
    }
    let object = fuzz::tree(text).unwrap_or_default();
    if let Ok(selector) = LabelSelector::from_object(&object) {
        let again = LabelSelector::parse(&selector.to_string()).expect("what is shown is a selector");
        assert_eq!(again.matches(label), selector.matches(label));
    }
});
