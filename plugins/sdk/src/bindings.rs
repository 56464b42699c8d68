//! The bindings of `wit/`: the imports once, and each role in a world of its own, so that an addon exports the
//! interfaces of its roles and no other.

pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit/0.1",
        inline: "
            package mk8s:sdk;

            world imports {
                import mk8s:addon/types@0.1.0;
                import mk8s:addon/log@0.1.0;
                import mk8s:addon/settings@0.1.0;
                import mk8s:addon/kv@0.1.0;
                import mk8s:addon/kube@0.1.0;
                import mk8s:addon/pki@0.1.0;
                import mk8s:addon/metrics@0.1.0;
                import mk8s:addon/clock@0.1.0;
            }
        ",
        generate_all,
        additional_derives: [PartialEq],
    });
}

macro_rules! role {
    ($role:ident, $world:literal) => {
        role!($role, ["../../wit/0.1"], $world);
    };
    ($role:ident, $folders:tt, $world:literal) => {
        pub mod $role {
            wit_bindgen::generate!({
                path: $folders,
                inline: $world,
                generate_all,
                with: { "mk8s:addon/types@0.1.0": crate::bindings::imports::mk8s::addon::types },
                additional_derives: [PartialEq],
                pub_export_macro: true,
            });
        }
    };
}

role!(config, "package mk8s:sdk; world config { export mk8s:addon/config@0.1.0; }");
role!(lifecycle, "package mk8s:sdk; world lifecycle { export mk8s:addon/lifecycle@0.1.0; }");
role!(objects, "package mk8s:sdk; world objects { export mk8s:addon/objects@0.1.0; }");
role!(files, "package mk8s:sdk; world files { export mk8s:addon/files@0.1.0; }");
role!(authenticator, "package mk8s:sdk; world authenticator { export mk8s:addon/authenticator@0.1.0; }");
role!(authorizer, "package mk8s:sdk; world authorizer { export mk8s:addon/authorizer@0.1.0; }");
role!(admission, "package mk8s:sdk; world admission { export mk8s:addon/admission@0.1.0; }");
role!(dns, "package mk8s:sdk; world dns { export mk8s:addon/dns@0.1.0; }");
role!(overlay, "package mk8s:sdk; world overlay { export mk8s:addon/overlay@0.1.0; }");
role!(
    scheduling,
    ["../../wit/0.1", "../../wit/0.2-draft"],
    "package mk8s:sdk; world scheduling { export mk8s:addon/scheduling@0.2.0-draft; }"
);
