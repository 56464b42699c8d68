//! Sets how many pods this node may run: a pure function from the configuration to edits of it.

use sdk::{Config, Edit, Error, Input};

#[derive(Default)]
struct Addon;

sdk::addon!(Addon: config);

impl Config for Addon {
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        let setting = input.settings.iter().find(|setting| setting.name == "max-pods");
        Ok(setting.map(|setting| Edit::set("kubelet", "max-pods", &setting.value)).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use sdk::{Facts, Setting};

    use super::*;

    #[test]
    fn the_setting_is_the_value_of_the_flag() {
        let settings = vec![Setting { name: "max-pods".into(), value: "7".into() }];
        let facts = Facts { node_name: "node".into(), addresses: Vec::new(), extra: Vec::new() };
        let input = Input { arguments: Vec::new(), settings, facts, extra: Vec::new() };
        assert_eq!(Addon::edits(&input).unwrap(), [Edit::set("kubelet", "max-pods", "7")]);
    }
}
