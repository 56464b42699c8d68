//! What wasmtime makes of the contract: the only place where its types and ours meet.

#![allow(unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit/0.1",
    inline: "
        package mk8s:host;

        world everything {
            include mk8s:addon/capable@0.1.0;
            export mk8s:addon/config@0.1.0;
            export mk8s:addon/lifecycle@0.1.0;
            export mk8s:addon/objects@0.1.0;
            export mk8s:addon/files@0.1.0;
            export mk8s:addon/authenticator@0.1.0;
            export mk8s:addon/authorizer@0.1.0;
            export mk8s:addon/admission@0.1.0;
            export mk8s:addon/dns@0.1.0;
            export mk8s:addon/overlay@0.1.0;
        }
    ",
    world: "mk8s:host/everything",
    imports: { default: async },
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub mod draft {
    //! What is new in 0.2.

    wasmtime::component::bindgen!({
        path: ["../../wit/0.1", "../../wit/0.2-draft"],
        inline: "
            package mk8s:host;

            world news {
                export mk8s:addon/scheduling@0.2.0-draft;
            }
        ",
        world: "mk8s:host/news",
        imports: { default: async },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
        with: { "mk8s:addon/types@0.1.0": crate::bindings::mk8s::addon::types },
    });
}
