//! Kubernetes objects as data: the schema table, trees, patches, selectors and the rows of kinds.
