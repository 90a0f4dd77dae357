//! Pages read without a copy: they say what the owned pages say, now and of the past.

use modeldb::{Error, ErrorKind, Filter, Find, NewRun, Run, RunId};

use super::random::grow;
use super::{Bench, kind};
use crate::support::random::{PrintSeed, Random, seed};

fn names(found: &Find<Run>, number: u32, limit: u32) -> (Vec<String>, u64) {
    let page = found.page_views(number, limit, |run| Ok(run.name()?.into_owned())).unwrap();
    (page.items, page.total)
}

#[test]
fn a_page_of_views_has_the_runs_of_its_number() {
    let bench = Bench::with((0..50).map(|n| NewRun::named(format!("{n:02}")).metric("m", n * 7 % 50)));
    let found = bench.store.read().runs().find("metrics.m >= 40").unwrap();
    // 7 n % 50 is 49 for 7, 48 for 14, and so on.
    let by_metric = found.clone().order_by("-metrics.m");
    assert_eq!(names(&by_metric, 1, 3), (["07", "14", "21"].map(str::to_owned).to_vec(), 10));
    assert_eq!(names(&by_metric, 2, 3), (["28", "35", "42"].map(str::to_owned).to_vec(), 10));
    assert_eq!(names(&by_metric, 4, 3).0, ["20"]);
    assert_eq!(names(&by_metric, 5, 3), (Vec::new(), 10));
    assert_eq!(names(&by_metric.limit(4), 2, 3), (vec!["28".to_owned()], 10));
    assert_eq!(names(&found, 1, 2).0, ["49", "42"], "the newest come first");
    assert_eq!(names(&found, 0, 0).0.len(), 10);
    let top = |found: &Find<Run>, k: u32| found.top_views(k, |run| Ok(run.name()?.into_owned())).unwrap();
    assert_eq!(top(&found, 2), ["49", "42"]);
    assert_eq!((top(&found, 0).len(), top(&found, 99).len(), top(&found.limit(4), 5).len()), (10, 10, 4));
}

#[test]
fn views_say_what_owned_pages_say() {
    let seed = seed(51);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let both = grow(&mut random);
    let now = both.bench.store.read();
    let mut compared = 0;
    for step in (1..=now.sequence().get()).rev().step_by(7) {
        let read = now.as_of(modeldb::Sequence::new(step)).unwrap();
        for text in ["", "metrics.a > 0", "not tags contains 'abc'", "owner = 'alice' or params.b is null"] {
            let ids: Vec<RunId> = read.runs().find(text).unwrap().ids().unwrap().map(Result::unwrap).collect();
            let all = read.runs().find(text).unwrap();
            // Ids are looked up without an index.
            for found in [all.clone(), all.clone().order_by("-metrics.a"), all.among(ids)] {
                let (number, limit) = (random.below(4) as u32, random.below(8) as u32);
                let page = found.page(number, limit).unwrap();
                assert_eq!(found.page_views(number, limit, |run| run.to_run()).unwrap(), page, "{text} at {step}");
                compared += page.items.len();
            }
        }
    }
    assert!(compared > 100, "only {compared} runs were compared");
}

#[test]
fn views_are_of_the_snapshot_that_was_searched() {
    let bench = Bench::with([NewRun::named("a"), NewRun::named("b")]);
    let found = bench.store.read().runs().find(Filter::all()).unwrap();
    let a = bench.store.read().runs().get_by_name(&bench.experiment, "a").unwrap().id;
    bench.write(|w| w.runs().rename(&a, "renamed"));
    bench.write(|w| w.runs().delete(&a));
    bench.run(NewRun::named("c"));
    assert_eq!(names(&found, 1, 9), (vec!["b".to_owned(), "a".to_owned()], 2));
}

#[test]
fn an_error_of_the_reader_ends_the_page() {
    let bench = Bench::with((0..5).map(|n| NewRun::named(format!("{n}"))));
    let found = bench.store.read().runs().find("").unwrap();
    let mut seen = Vec::new();
    let page = found.page_views(1, 5, |run| {
        seen.push(run.name()?.into_owned());
        if seen.len() == 2 { Err(Error::new(ErrorKind::Conflict, "enough")) } else { Ok(()) }
    });
    assert_eq!(kind(page), ErrorKind::Conflict);
    assert_eq!(seen, ["4", "3"]);
    assert_eq!(kind(found.order_by("nothing").page_views(1, 5, |_| Ok(()))), ErrorKind::InvalidArgument);
}
