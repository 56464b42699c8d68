# The whole vocabulary of the repository.
.PHONY: setup build test check

setup: ## Install what a Debian machine lacks
	rustup show active-toolchain >/dev/null

build: setup ## Build everything
	cargo build --workspace

test: setup ## Run every test
	cargo test --workspace

check: setup ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
