//! An addon that was built against a draft of the contract as it was before it changed, under the same name.

wit_bindgen::generate!({
    inline: "
        package mk8s:addon@0.2.0-draft;

        interface scheduling {
            filter: func(pod: list<u8>) -> list<string>;
            score: func(pod: list<u8>) -> list<u32>;
        }

        world outdated {
            export scheduling;
        }
    ",
});

struct Outdated;

export!(Outdated);

impl exports::mk8s::addon::scheduling::Guest for Outdated {
    fn filter(_: Vec<u8>) -> Vec<String> {
        Vec::new()
    }

    fn score(_: Vec<u8>) -> Vec<u32> {
        Vec::new()
    }
}

#[used]
#[unsafe(link_section = "mk8s:addon")]
static METADATA: [u8; include_bytes!("../addon.json").len()] = *include_bytes!("../addon.json");
