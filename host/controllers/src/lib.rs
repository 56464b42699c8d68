//! The controllers, each a reconciler with a pure planner.
