use expect_test::expect;
use objects::meta;
use objects::resource::Verb;
use objects::status::Reason;

use crate::call::{MetaVersion, Output};

use super::fixture::{Fixture, config_map};

fn names(list: &objects::Tree) -> String {
    list.items_at(&["items"]).iter().map(meta::name).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_was_created_is_read_back_with_its_identity() {
    let fixture = Fixture::new().await;
    let created = fixture.config_map("a", "1").await;
    assert_eq!(fixture.get("configmaps", "a").await.unwrap(), created);
    assert_eq!(meta::uid(&created).len(), 36);
    let list = fixture.tree(fixture.call(Verb::List, "configmaps", "")).await.unwrap();
    assert_eq!((list.str_at(&["kind"]), names(&list).as_str()), (Some("ConfigMapList"), "a"));
    assert_eq!(list.str_at(&["metadata", "resourceVersion"]), Some(meta::resource_version(&created)));
    assert!(list.at(&["items", "0", "kind"]).is_none());
}

#[tokio::test]
async fn a_missing_object_and_a_missing_namespace_are_not_found() {
    let fixture = Fixture::new().await;
    let status = fixture.get("configmaps", "a").await.unwrap_err();
    expect![[r#"configmaps "a" not found"#]].assert_eq(&status.message);
    let mut call = fixture.call(Verb::Create, "configmaps", "").body(&config_map("a", "1"));
    call.namespace = "nowhere".to_owned();
    let status = fixture.tree(call).await.unwrap_err();
    expect![[r#"namespaces "nowhere" not found"#]].assert_eq(&status.message);
    assert!(status.is(Reason::NotFound));
}

#[tokio::test]
async fn pages_show_the_revision_of_the_first_while_writes_go_on() {
    let fixture = Fixture::new().await;
    for name in ["a", "b", "c"] {
        fixture.config_map(name, "1").await;
    }
    let first = fixture.call(Verb::List, "configmaps", "").query_of(&[("limit", "2")]);
    let first = fixture.tree(first).await.unwrap();
    assert_eq!((names(&first).as_str(), first.i64_at(&["metadata", "remainingItemCount"])), ("a b", Some(1)));
    fixture.config_map("d", "1").await;
    fixture.tree(fixture.call(Verb::Delete, "configmaps", "c")).await.unwrap();
    let token = first.str_at(&["metadata", "continue"]).unwrap();
    let next = fixture.call(Verb::List, "configmaps", "").query_of(&[("limit", "2"), ("continue", token)]);
    let next = fixture.tree(next).await.unwrap();
    assert_eq!(names(&next), "c");
    assert_eq!(
        next.at(&["metadata", "resourceVersion"]),
        first.at(&["metadata", "resourceVersion"]),
        "{next}"
    );
}

#[tokio::test]
async fn pages_of_forgotten_history_are_expired_and_the_rest_may_be_had_as_it_is_now() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    fixture.config_map("b", "1").await;
    let first = fixture.call(Verb::List, "configmaps", "").query_of(&[("limit", "1")]);
    let first = fixture.tree(first).await.unwrap();
    fixture.config_map("c", "1").await;
    fixture.store.compact(fixture.store.revision()).await.unwrap();
    let token = first.str_at(&["metadata", "continue"]).unwrap();
    let next = fixture.call(Verb::List, "configmaps", "").query_of(&[("continue", token)]);
    let status = fixture.tree(next).await.unwrap_err();
    assert_eq!((status.code, status.reason), (410, Some(Reason::Expired)));
    let token = status.continued.unwrap();
    let query = [("limit", "1"), ("continue", &*token)];
    let rest = fixture.tree(fixture.call(Verb::List, "configmaps", "").query_of(&query)).await.unwrap();
    assert_eq!((names(&rest).as_str(), rest.i64_at(&["metadata", "remainingItemCount"])), ("b", Some(1)));
    let token = rest.str_at(&["metadata", "continue"]).unwrap();
    let last = fixture.call(Verb::List, "configmaps", "").query_of(&[("continue", token)]);
    let last = fixture.tree(last).await.unwrap();
    assert_eq!(names(&last), "c");
    assert_eq!(meta::resource_version(&last), meta::resource_version(&rest));
}

#[tokio::test]
async fn selectors_choose_by_label_and_by_field() {
    let fixture = Fixture::new().await;
    let mut labelled = config_map("a", "1");
    labelled.set_at(&["metadata", "labels", "app"], "web");
    fixture.create("configmaps", labelled).await.unwrap();
    fixture.config_map("b", "1").await;
    for (query, expected) in [
        (("labelSelector", "app=web"), "a"),
        (("labelSelector", "!app"), "b"),
        (("fieldSelector", "metadata.name=b"), "b"),
        (("fieldSelector", "metadata.name!=b,metadata.namespace=default"), "a"),
    ] {
        let list = fixture.tree(fixture.call(Verb::List, "configmaps", "").query_of(&[query])).await.unwrap();
        assert_eq!(names(&list), expected, "{query:?}");
    }
    let unknown = fixture.call(Verb::List, "configmaps", "").query_of(&[("fieldSelector", "data.k=1")]);
    expect!["field label not supported: data.k"].assert_eq(&fixture.tree(unknown).await.unwrap_err().message);
}

#[tokio::test]
async fn a_table_has_the_columns_of_its_kind_and_a_row_for_each_object() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    let mut call = fixture.call(Verb::List, "configmaps", "");
    call.output = Output::Table(MetaVersion::V1);
    let table = fixture.tree(call).await.unwrap();
    let columns: Vec<_> =
        table.items_at(&["columnDefinitions"]).iter().filter_map(|column| column.str_at(&["name"])).collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    let cells = table.items_at(&["rows"])[0].items_at(&["cells"]);
    assert_eq!((cells[0].as_str(), cells[1].as_i64()), (Some("a"), Some(1)));
}
