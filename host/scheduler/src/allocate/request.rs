//! What a claim requests, class by class.

use objects::Tree;

use super::expression::{ExpressionId, Expressions};
use crate::snapshot::Table;
use crate::view::{Amounts, DeviceClaimView, DeviceClassView, amounts, class_key, selectors};

/// One request: of one kind of device, or of the first of several kinds that there is.
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    pub(super) kinds: Vec<Kind<'a>>,
}

/// Some devices of a class.
pub(super) struct Kind<'a> {
    /// `request`, or `request/kind` where the request has several.
    pub(super) name: String,
    pub(super) class: &'a DeviceClassView,
    /// Of the class and its own, each with whose it is.
    pub(super) selectors: Vec<(ExpressionId, String)>,
    /// All that there are where it is none.
    pub(super) count: Option<usize>,
    pub(super) is_admin: bool,
    pub(super) tolerations: &'a [Tree],
    /// How much it asks for of the capacities of each device.
    pub(super) capacity: Amounts,
}

pub(super) fn read<'a>(
    claim: &'a DeviceClaimView,
    classes: &'a Table<DeviceClassView>,
    expressions: &mut Expressions,
) -> Result<Vec<Request<'a>>, String> {
    let mut requests = Vec::new();
    for request in claim.devices.items_at(&["requests"]) {
        let name = request.str_at(&["name"]).unwrap_or_default();
        let exactly = request.at(&["exactly"]).filter(|exactly| !exactly.is_null());
        let kinds = match exactly {
            Some(exactly) => vec![kind(claim, name.to_owned(), exactly, classes, expressions)?],
            None => {
                let several = request.items_at(&["firstAvailable"]).iter();
                let named = several.map(|kind_of| {
                    let name = format!("{name}/{}", kind_of.str_at(&["name"]).unwrap_or_default());
                    kind(claim, name, kind_of, classes, expressions)
                });
                named.collect::<Result<Vec<_>, _>>()?
            }
        };
        if kinds.is_empty() {
            let key = &claim.head.key;
            return Err(format!("claim {key}, request {name}: unknown request type"));
        }
        requests.push(Request { name, kinds });
    }
    Ok(requests)
}

fn kind<'a>(
    claim: &'a DeviceClaimView,
    name: String,
    tree: &'a Tree,
    classes: &'a Table<DeviceClassView>,
    expressions: &mut Expressions,
) -> Result<Kind<'a>, String> {
    let class_name = tree.str_at(&["deviceClassName"]).unwrap_or_default();
    let Some(class) = classes.get(&class_key(class_name)) else {
        return Err(format!("request {name}: device class {class_name} does not exist"));
    };
    let mut all = Vec::new();
    let mut add = |texts: &[Box<str>], of: &str| {
        for (index, text) in texts.iter().enumerate() {
            all.push((expressions.add(text), format!("{of}: selector #{index}")));
        }
    };
    add(&class.selectors, &format!("class {class_name}"));
    add(&selectors(tree.items_at(&["selectors"])), &format!("claim {}", claim.head.key));
    let is_all = tree.str_at(&["allocationMode"]) == Some("All");
    let count = tree.i64_at(&["count"]).and_then(|count| usize::try_from(count).ok());
    Ok(Kind {
        name,
        class,
        selectors: all,
        count: if is_all { None } else { Some(count.unwrap_or(1)) },
        is_admin: tree.bool_at(&["adminAccess"]) == Some(true),
        tolerations: tree.items_at(&["tolerations"]),
        capacity: amounts(
            tree.at(&["capacity", "requests"]).into_iter().flat_map(Tree::fields),
            Tree::as_str,
        ),
    })
}
