//! Installs, grants, enables and supervises addons.
