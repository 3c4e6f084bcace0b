//! Explores every world.
fn main() {
    for world in collection_model::worlds::small() {
        let start = std::time::Instant::now();
        let model = collection_model::Model::new(world, collection_model::Protocol::whole());
        let report = collection_model::explore(&model);
        println!(
            "{:20} {:9} states {:10} steps depth {:3} {:.1} s",
            model.name(),
            report.states,
            report.steps,
            report.depth,
            start.elapsed().as_secs_f64()
        );
        if let Some(violation) = report.violation {
            println!("{violation}");
        }
    }
}
