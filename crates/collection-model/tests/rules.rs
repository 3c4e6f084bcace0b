//! Takes each rule away: some world must show what it is for.

use collection_model::{Model, Protocol, RULES, explore, worlds};

#[test]
fn each_rule() {
    for rule in RULES {
        for world in worlds::small() {
            let model = Model::new(world, Protocol::whole().without(rule));
            let report = explore(&model);
            if let Some(v) = report.violation {
                println!("{rule:?} in {}: {} ({} states)\n{v}", model.name(), v.what, report.states);
            }
        }
    }
}
