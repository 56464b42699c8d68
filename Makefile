# The whole vocabulary of the repository.
.PHONY: setup setup-tests build run test check bench soak fuzz plugins

# What a node runs.
PACKAGES := containerd runc iproute2 nftables mount
COMMANDS := containerd runc ip nft mount
# What the tests need beyond that and the Rust toolchain.
TEST_PACKAGES := busybox-static docker-registry etcd-server etcd-client protobuf-compiler libprotobuf-dev nodejs npm python3 python3-pip python3-venv
TEST_COMMANDS := busybox docker-registry etcd etcdctl protoc node npm python3 pip3
TEST_FILES    := /usr/include/google/protobuf/descriptor.proto
ADDONS   := auth-basic auth-oidc auth-token auth-x509 cis-hardening rbac
EXAMPLES := maintenance
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
HOST     := target/release/mk8s-host

# The addons are a workspace of their own, whose output lies with the rest.
IN_PLUGINS := cd plugins && CARGO_TARGET_DIR=../target/addons

# Installs packages where one of the commands or files is missing: $(call install,COMMANDS,FILES,PACKAGES)
define install
	@missing=; for command in $(1); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $$command >/dev/null || missing="$$missing $$command"; \
	done; \
	for file in $(2); do [ -e $$file ] || missing="$$missing $$file"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing for$$missing: $(3)"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(3); \
	fi
endef

# What is fuzzed, for how many seconds each, and what libFuzzer sees of it: cargo-fuzz tells rustc the same.
FUZZED       := apply cel decode definition patch path protobuf selector
FUZZ_SECONDS := 60
COVERAGE     := --cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
FUZZERS       = target/fuzz/$(shell rustc --print host-tuple)/debug

setup: ## Install what a Debian machine lacks
	@rustup show active-toolchain >/dev/null
	@rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2
	$(call install,$(COMMANDS),,$(PACKAGES))

setup-tests: setup ## Install what the tests lack
	$(call install,$(TEST_COMMANDS),$(TEST_FILES),$(TEST_PACKAGES))

build: setup ## Build the node
	cargo build --locked --release -p mk8s-host

run: build ## Build and start a node, and say what to type next
	@minor=$$(kubectl version --client -o json 2>/dev/null | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p'); \
	if [ "$${minor:-0}" -lt 32 ]; then \
	  echo "kubectl 1.32 or newer is needed to speak to the node: sudo snap install kubectl --classic"; \
	fi
	$(SUDO) $(HOST) run

plugins: setup ## Build the addons: target/plugins/NAME.wasm
	$(IN_PLUGINS) cargo build --locked --release --target wasm32-wasip2 $(patsubst %,--package %,$(ADDONS) $(EXAMPLES))
	@mkdir -p target/plugins
	@for addon in $(ADDONS) $(EXAMPLES); do \
	  install -m 644 target/addons/wasm32-wasip2/release/$$(echo $$addon | tr - _).wasm target/plugins/$$addon.wasm; \
	done

test: setup-tests plugins ## Run every test; those of the whole node need root and kubectl
	cargo build --locked --workspace --all-targets
	cargo test --locked --workspace --no-fail-fast
	$(IN_PLUGINS) cargo test --locked --workspace

check: setup-tests ## Formatting and lints, and licences where cargo-deny is installed
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(IN_PLUGINS) cargo fmt --all --check
	$(IN_PLUGINS) cargo clippy --locked --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --config .deny.toml check licenses bans sources; fi

bench: setup-tests plugins ## Measure a node and its addons, its API beside a bare server, its datastore beside etcd, and its scheduler
	cargo build --locked --release -p mk8s-host
	cargo run --locked --release -p bench
	cargo run --locked --release -p api-bench
	cargo run --locked --release -p store-bench
	cargo run --locked --release -p scheduler-bench

soak: setup-tests ## Kill, damage and fill the datastore for a long time, and judge what its clients saw
	HISTORIES_KILL_ROUNDS=200 HISTORIES_ROUNDS=100 HISTORIES_DAMAGES=4000 \
	  cargo test --locked -p histories -- --nocapture

fuzz: setup ## Try parsers, patches and expressions with inputs that nobody thought of; what is found is in target/fuzz/found
	$(call install,g++,,g++)
	cd tests/fuzz && RUSTFLAGS="$(COVERAGE)" cargo build --locked --target $$(rustc --print host-tuple) --target-dir ../../target/fuzz
	@for target in $(FUZZED); do \
	  echo "fuzzing $$target for $(FUZZ_SECONDS) s" && mkdir -p target/fuzz/found/$$target && \
	  $(FUZZERS)/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=20 -max_len=4096 -verbosity=0 \
	    -artifact_prefix=target/fuzz/$$target- target/fuzz/found/$$target tests/fuzz/corpus/$$target || exit 1; \
	done
