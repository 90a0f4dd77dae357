//! The filter index on the disk: what a crash in between leaves of it.

use modeldb::simulation::Keep;
use modeldb::{Filter, NewExperiment, NewRun};

use super::Bench;

#[test]
fn a_run_that_was_purged_before_a_crash_is_in_no_block() {
    for edits in [1, 3, 7] {
        let mut bench = Bench::on_disk(16, 8);
        let ids: Vec<_> = (0..20).map(|n| bench.run(NewRun::named(format!("r{n}")).metric("x", n as f64))).collect();
        // The log tells of these again when the store is opened.
        for id in &ids[..edits] {
            bench.write(|w| w.runs().log_metric(id, "y", 1.0));
        }
        bench.store.optimize().unwrap();
        bench.write(|w| w.runs().delete(&ids[5]));
        assert!(bench.store.purge().unwrap().finished);
        // The records are gone, and the block that was made anew for it is lost.
        bench.reopen(Some(Keep::None), 1, 16, 8);
        let read = bench.store.read();
        assert_eq!(read.runs().find(Filter::all()).unwrap().count().unwrap(), 19, "{edits} edits");
        let found = read.runs().find("metrics.x >= 4 and metrics.x <= 6").unwrap().order_by("metrics.x");
        assert_eq!(super::names(found.page(0, 0).unwrap().items), "r4 r6", "{edits} edits");
    }
}

/// A block may still name a parent that is gone with all its runs: nobody asks what it was.
#[test]
fn a_parent_that_was_purged_before_a_crash_is_not_asked_for() {
    for whole_project in [false, true] {
        let mut bench = Bench::on_disk(16, 8);
        let (project, experiment) = bench.write(|w| {
            let project = w.projects().get_or_create("gone")?;
            Ok((project.clone(), w.experiments().create(&project, NewExperiment::named("gone"))?))
        });
        for n in 0..20 {
            let experiment = if n % 4 == 3 { &experiment } else { &bench.experiment };
            bench.write(|w| w.runs().create(experiment, NewRun::named(format!("r{n}"))));
        }
        bench.store.optimize().unwrap();
        bench.write(|w| match whole_project {
            true => w.projects().delete(&project),
            false => w.experiments().delete(&experiment),
        });
        assert_eq!(bench.store.purge().unwrap().runs, 5);
        bench.reopen(Some(Keep::None), 1, 16, 8);
        let read = bench.store.read();
        let count = |filter: Filter| read.runs().find(filter).unwrap().count().unwrap();
        assert_eq!(count(Filter::field("experiment.name").eq("forest")), 15);
        assert_eq!(count(Filter::field("experiment_id").ne(experiment.to_string())), 15);
        assert_eq!(count(Filter::field("project_id").eq(bench.project.to_string())), 15);
        assert_eq!(count(Filter::field("project_id").eq(project.to_string())), 0);
    }
}
