use super::*;

fn template() -> Template {
    Template {
        namespace: "default".to_owned(),
        prefix: "web-".to_owned(),
        labels: BTreeMap::from([(SERVICE_LABEL.to_owned(), "web".to_owned())]),
        annotations: None,
        owner: OwnerReference {
            kind: "Service".to_owned(),
            uid: "u".to_owned(),
            ..OwnerReference::default()
        },
        address_type: "IPv4",
        room: 3,
    }
}

fn endpoint(number: usize) -> Endpoint {
    Endpoint { addresses: vec![format!("10.0.0.{number}")], ..Endpoint::default() }
}

fn group(port: i32, numbers: impl IntoIterator<Item = usize>) -> Group {
    let port = EndpointPort { port: Some(port), ..EndpointPort::default() };
    Group { ports: vec![port], endpoints: numbers.into_iter().map(endpoint).collect() }
}

fn existing(name: &str, group: Group) -> Arc<EndpointSlice> {
    let template = template();
    let mut slice = template.slice(group.ports);
    slice.metadata.name = Some(name.to_owned());
    slice.endpoints = Some(group.endpoints);
    Arc::new(slice)
}

/// `name: endpoints` of what is written, `name gone` of what is deleted.
fn packed(existing: Vec<Arc<EndpointSlice>>, groups: Vec<Group>) -> Vec<String> {
    let packing = pack(&template(), existing, groups);
    let name = |slice: &EndpointSlice| slice.metadata.name.clone().unwrap_or_else(|| "new".to_owned());
    let numbers = |slot: &Slot| {
        let last = |endpoint: &Endpoint| endpoint.addresses[0].rsplit('.').next().unwrap().to_owned();
        slot.endpoints().iter().map(last).collect::<Vec<_>>().join(" ")
    };
    let written = packing.slots.iter().filter(|slot| slot.changed());
    let written = written.map(|slot| format!("{}: {}", name(&slot.new), numbers(slot)));
    written.chain(packing.spare.iter().map(|slice| format!("{} gone", name(slice)))).collect()
}

#[test]
fn endpoints_fill_slices_of_a_size() {
    assert_eq!(packed(vec![], vec![group(80, 1..=7)]), ["new: 1 2 3", "new: 4 5 6", "new: 7"]);
}

#[test]
fn a_service_without_endpoints_has_one_empty_slice() {
    assert_eq!(packed(vec![], vec![]), ["new: "]);
    assert_eq!(packed(vec![existing("a", Group::default())], vec![]), [""; 0]);
    assert_eq!(packed(vec![existing("a", group(80, 1..=2))], vec![]), ["a: "]);
}

#[test]
fn what_did_not_change_is_not_written() {
    let slices = vec![existing("a", group(80, 1..=3)), existing("b", group(80, 4..=4))];
    assert_eq!(packed(slices.clone(), vec![group(80, 1..=4)]), [""; 0]);
    assert_eq!(packed(slices.clone(), vec![group(80, 1..=5)]), ["b: 4 5"]);
    assert_eq!(packed(slices.clone(), vec![group(80, [1, 2, 4, 5])]), ["a: 1 2 5"]);
    assert_eq!(packed(slices, vec![group(80, 1..=3)]), ["b gone"]);
}

#[test]
fn slices_that_are_left_over_are_written_anew_before_others_are_made() {
    let slices = vec![existing("a", group(80, 1..=2)), existing("b", group(81, 1..=2))];
    assert_eq!(packed(slices, vec![group(82, 1..=2)]), ["b: 1 2", "a gone"]);
}

#[test]
fn slices_of_an_owner_of_the_same_name_are_deleted_and_not_taken() {
    let mut other = (*existing("a", group(80, 1..=2))).clone();
    other.metadata.owner_references.as_mut().unwrap()[0].uid = "before".to_owned();
    assert_eq!(packed(vec![Arc::new(other)], vec![group(80, 1..=2)]), ["new: 1 2", "a gone"]);
}

#[test]
fn other_labels_alone_are_a_change() {
    let mut old = (*existing("a", group(80, 1..=2))).clone();
    old.metadata.labels = None;
    assert_eq!(packed(vec![Arc::new(old)], vec![group(80, 1..=2)]), ["a: 1 2"]);
}
