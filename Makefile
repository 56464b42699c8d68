# The whole vocabulary of the repository.
.PHONY: setup build plugins test check

# What a node runs and what the end-to-end tests need beyond the Rust toolchain.
PACKAGES := containerd runc iproute2 nftables mount busybox-static
COMMANDS := containerd runc ip nft mount busybox
ADDONS   := auth-basic auth-token auth-x509 rbac
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

setup: ## Install what a Debian machine lacks
	@rustup show active-toolchain >/dev/null
	@rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2
	@missing=; for command in $(COMMANDS); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $$command >/dev/null || missing="$$missing $$command"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing for$$missing: $(PACKAGES)"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(PACKAGES); \
	fi

build: setup ## Build everything
	cargo build --locked --workspace

plugins: setup ## Build the addons: target/plugins/NAME.wasm
	cd plugins && cargo build --locked --release --target wasm32-wasip2 $(ADDONS:%=--package %)
	@mkdir -p target/plugins
	@for addon in $(ADDONS); do \
	  install -m 644 plugins/target/wasm32-wasip2/release/$$(echo $$addon | tr - _).wasm target/plugins/$$addon.wasm; \
	done

test: setup plugins ## Run every test; those that drive containerd need root
	cargo test --locked --workspace
	cd plugins && cargo test --locked --workspace

check: setup ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cd plugins && cargo fmt --all --check
	cd plugins && cargo clippy --locked --workspace --all-targets -- -D warnings
