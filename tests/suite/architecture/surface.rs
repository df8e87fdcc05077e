//! The names at the root of event-core. A name more is a decision, and belongs in this list in the same commit.

use std::collections::BTreeSet;
use std::fs;

use super::root;

/// What applications name every day, and what a signature of theirs needs.
const TYPES: &str = "Adapter Aggregate AllOptions AnyEvent Appended BatchSize Category Clock CommandId Conflict DecideError Decided Delete Effects Error Event \
    EventId EventSet EventStore EventStream EventVersion ExpectedVersion Filter InvalidBatchSize InvalidEvent \
    InvalidStreamId Keys ListOptions MemoryAdapter Metadata Migrate MigrationError NewEvent Outcome Position Projection ReadOptions \
    RecordedEvent Recovered Registry RegistryErrors Result RetryPolicy Scope Shape Snapshots StartFrom StoreBuilder \
    StreamId StreamInfo StreamVersion Subscription TableProjection TablesTx Tenant View";

/// Functions, a macro and a crate that generated or hand-written code names by this path.
const OTHERS: &str = "assert_disjoint link serde_json";

/// Everything else is reached by its folder.
const MODULES: &str = "adapter aggregate broadcast decision envelope error event health plain_set projection registry shape store \
    subscription transfer value";

fn words(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_root_of_the_core_exports_these_names_and_no_others() {
    let text = fs::read_to_string(root().join("event-core/src/lib.rs")).unwrap();
    let file = syn::parse_file(&text).unwrap();
    let (mut names, mut modules) = (BTreeSet::new(), BTreeSet::new());
    for item in &file.items {
        match item {
            syn::Item::Use(item) if matches!(item.vis, syn::Visibility::Public(_)) => {
                leaves(&item.tree, &mut names);
            }
            syn::Item::Mod(item)
                if matches!(item.vis, syn::Visibility::Public(_)) && item.ident != "__private" =>
            {
                modules.insert(item.ident.to_string());
            }
            _ => {}
        }
    }
    assert_eq!(names, &words(TYPES) | &words(OTHERS));
    assert_eq!(modules, words(MODULES));
}

fn leaves(tree: &syn::UseTree, names: &mut BTreeSet<String>) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, names),
        syn::UseTree::Group(group) => group.items.iter().for_each(|item| leaves(item, names)),
        syn::UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
        syn::UseTree::Rename(rename) => drop(names.insert(rename.rename.to_string())),
        syn::UseTree::Glob(_) => panic!("a glob at the root hides its names"),
    }
}
