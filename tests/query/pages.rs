//! Pages by cursors, budgets, explanations, comparisons and deletion by query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modeldb::{Budget, ErrorKind, Filter, Find, FindCursor, NewRun, Order, QueryField, Run, Timestamp, Value};

use super::{Bench, kind, names};
use crate::support::random::Random;

/// Walks through a search by cursors, each written out and read back, and expects what the whole page has.
pub(super) fn check(random: &mut Random, found: &Find<Run>, told: &str) {
    let whole = found.page(0, 0).unwrap();
    // Each page of the past looks at every record of it.
    let limit = (1 + random.below(7)).max(whole.items.len() / 4);
    let mut cursor: Option<FindCursor> = None;
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = found.page_after(cursor.as_ref(), limit as u32).unwrap();
        assert_eq!(page.total, whole.total, "{told}");
        assert!(page.items.len() <= limit && ids.len() <= whole.items.len(), "{told}: {cursor:?} {limit}");
        ids.extend(page.items.iter().map(|run| run.id.to_string()));
        let Some(next) = page.next else { break };
        assert_eq!(page.items.len(), limit, "{told}");
        let text = next.to_string();
        let read: FindCursor = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
        cursor = Some(read);
    }
    let expected: Vec<String> = whole.items.iter().map(|run| run.id.to_string()).collect();
    assert_eq!(ids, expected, "{told}, pages of {limit}");
    let explained = found.explain().unwrap();
    assert_eq!(explained.total, whole.total, "{told}: {explained}");
}

fn runs(count: usize) -> impl Iterator<Item = NewRun> {
    (0..count).map(|n| NewRun::named(format!("r{n:03}")).metric("loss", (n % 5) as f64).description("some words"))
}

#[test]
fn pages_go_on_while_others_write() {
    let bench = Bench::with(runs(50));
    let find = || bench.store.read().runs().find("metrics.loss < 4").unwrap().order_by("metrics.loss");
    let first = find().page_after(None, 15).unwrap();
    assert_eq!((first.items.len(), first.total), (15, 40));
    // One that would have been on the first page, and one that is on a later one.
    bench.run(NewRun::named("early").metric("loss", -1.0));
    bench.run(NewRun::named("late").metric("loss", 2.5));
    let second = find().page_after(first.next.as_ref(), 15).unwrap();
    assert_eq!(second.total, 42);
    let third = find().page_after(second.next.as_ref(), 15).unwrap();
    assert!(third.next.is_none());
    let later: Vec<String> = second.items.into_iter().chain(third.items).map(|run| run.name).collect();
    assert_eq!(later.iter().filter(|name| *name == "late").count(), 1);
    assert!(!later.contains(&"early".to_owned()) && later.len() == 26);
}

#[test]
fn pages_by_cursors_lie_within_the_limit() {
    let bench = Bench::with(runs(11));
    for limit in [0, 1, 4, 5, 9, 10, 11, 12] {
        let found = bench.store.read().runs().find(Filter::all()).unwrap().order_by("name").limit(limit);
        let (mut names, mut cursor, mut pages) = (Vec::new(), None::<FindCursor>, 0);
        loop {
            let page = found.page_after(cursor.as_ref(), 5).unwrap();
            names.extend(page.items.into_iter().map(|run| run.name));
            pages += 1;
            let Some(next) = page.next else { break };
            cursor = Some(next.to_string().parse().unwrap());
        }
        let wanted: Vec<String> = (0..11.min(limit)).map(|n| format!("r{n:03}")).collect();
        assert_eq!(names, wanted, "{limit}");
        assert_eq!(pages, limit.min(11).div_ceil(5).max(1), "{limit}");
        let page = found.page(1, 0).unwrap();
        assert_eq!(page.items.into_iter().map(|run| run.name).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_cursor_is_of_one_search() {
    let bench = Bench::with(runs(9));
    let found = bench.store.read().runs().find("metrics.loss >= 0").unwrap().order_by("name");
    let next = found.page_after(None, 2).unwrap().next.unwrap();
    let other = bench.store.read().runs().find("metrics.loss > 0").unwrap().order_by("name");
    assert_eq!(kind(other.page_after(Some(&next), 2)), ErrorKind::InvalidArgument);
    let other = found.clone().order_by("metrics.loss");
    assert_eq!(kind(other.page_after(Some(&next), 2)), ErrorKind::InvalidArgument);
    assert_eq!(kind(found.page_after(Some(&next), 0)), ErrorKind::InvalidArgument);
    let text = next.to_string();
    for damaged in ["", "zz", &text[1..], &format!("{text}.q"), &format!("{text}0"), "\u{1f600}"] {
        assert_eq!(kind(damaged.parse::<FindCursor>()), ErrorKind::InvalidArgument, "{damaged:?}");
    }
}

/// Texts that are stored beside a record are as good a place as any other.
#[test]
fn a_cursor_stands_at_a_list_with_a_long_text() {
    let long = |n: usize| Value::from(format!("{n} {}", "long ".repeat(1000)));
    let bench = Bench::with((0..6).map(|n| {
        let run = NewRun::named(format!("r{n}"));
        run.attribute("list", vec![long(n / 2), long(n / 2), n.to_string().into()]).attribute("text", long(n))
    }));
    for order in ["attributes.list", "-attributes.list", "attributes.text"] {
        let found = bench.store.read().runs().find(Filter::all()).unwrap().order_by(order);
        (0..4).for_each(|seed| check(&mut Random::new(seed), &found, order));
    }
}

#[test]
fn a_budget_ends_what_exceeds_it() {
    let bench = Bench::with(runs(100));
    // Not told by any index.
    let found = bench.store.read().runs().find("description contains 'ord'").unwrap();
    assert_eq!(found.clone().budget(Budget::new().records(1000)).count().unwrap(), 100);
    assert_eq!(kind(found.clone().budget(Budget::new().records(99)).count()), ErrorKind::LimitExceeded);
    assert_eq!(
        kind(found.clone().budget(Budget::new().timeout(Duration::ZERO)).page(1, 5)),
        ErrorKind::DeadlineExceeded
    );
    let cancel = Arc::new(AtomicBool::new(false));
    let watched = found.budget(Budget::new().cancel(Arc::clone(&cancel)).timeout(Duration::from_secs(600)));
    assert_eq!(watched.count().unwrap(), 100);
    cancel.store(true, Ordering::Relaxed);
    assert_eq!(kind(watched.count()), ErrorKind::Cancelled);
    assert_eq!(kind(watched.facets("tags")), ErrorKind::Cancelled);
}

/// Once in a while a search puts what the index does not have into an overlay; that is bounded as well.
#[test]
fn a_budget_holds_whichever_search_it_is_for() {
    let bench = Bench::with(runs(300));
    let found = bench.store.read().runs().find("metrics.loss = 1").unwrap();
    let few = found.clone().budget(Budget::new().records(10));
    for search in 0..20 {
        assert_eq!(kind(few.count()), ErrorKind::LimitExceeded, "{search}");
    }
    // One that may read as many as there are makes it, and then the few are enough.
    let many = found.clone().budget(Budget::new().records(300));
    let counts: Vec<u64> = (0..20).map(|_| many.count().unwrap()).collect();
    assert_eq!(counts, [60; 20]);
    assert_eq!(few.count().unwrap(), 60);
    // Cancelled while it looks: the flag is found to be set before the record that it is at is read.
    let bench = Bench::with(runs(300));
    let cancelled = Budget::new().cancel(Arc::new(AtomicBool::new(true)));
    let found = bench.store.read().runs().find("metrics.loss = 1").unwrap().budget(cancelled);
    (0..20).for_each(|_| assert_eq!(kind(found.count()), ErrorKind::Cancelled));
}

/// By one order of numbers, or none, a search for the first looks at the blocks that they are in.
#[test]
fn the_first_are_found_without_looking_at_all() {
    let bench = Bench::with((1..).zip(runs(100)).map(|(n, run)| run.start_time(Timestamp::from_millis(n))));
    bench.store.optimize().unwrap();
    // Not told by any index: each record of a block of 16 rows is read.
    let found = bench.store.read().runs().find("description contains 'ord'").unwrap();
    for found in [found.clone(), found.clone().order_by("-start_time"), found.clone().order_by("start_time")] {
        let whole = found.page(1, 5).unwrap();
        assert_eq!(whole.total, 100);
        let few = found.clone().budget(Budget::new().records(16 + 4 + 5));
        assert_eq!(few.top(5).unwrap(), whole.items);
        assert_eq!(few.top_views(5, |run| run.to_run()).unwrap(), whole.items);
        assert_eq!(few.clone().limit(5).iter().unwrap().map(Result::unwrap).collect::<Vec<_>>(), whole.items);
        assert_eq!(kind(few.page(1, 5)), ErrorKind::LimitExceeded);
    }
    // A page that goes on reads its last run once.
    let loss = bench.store.read().runs().find("metrics.loss >= 0").unwrap().budget(Budget::new().records(5));
    assert!(loss.page_after(None, 5).unwrap().next.is_some());
    // What is not in that order could be anywhere.
    let by_name = found.order_by("name").budget(Budget::new().records(16 + 4 + 5));
    assert_eq!(kind(by_name.top(5)), ErrorKind::LimitExceeded);
}

#[test]
fn an_explanation_tells_what_was_read() {
    let bench = Bench::with(runs(100));
    bench.store.optimize().unwrap();
    let found = bench.store.read().runs().find("metrics.loss = 1 and description contains 'ord'").unwrap();
    let told = found.explain().unwrap();
    assert_eq!((told.total, told.indexed, told.rest, told.records), (20, true, 0, 20), "{told}");
    assert_eq!(told.blocks, 7);
    let [scope, loss, words] = told.steps.as_slice() else { panic!("{told}") };
    assert_eq!((scope.matches, loss.estimate, loss.matches, loss.records), (100, 20, 20, 0), "{told}");
    assert_eq!((words.estimate, words.matches, words.records), (100, 20, 20), "{told}");
    assert!(told.to_string().contains("20 found by the filter index"), "{told}");
}

#[test]
fn runs_side_by_side_show_what_differs() {
    let bench = Bench::new();
    let a =
        bench.run(NewRun::named("a").metric("loss", 0.5).hyperparameter("lr", 0.1).tag("x").metric("nan", f64::NAN));
    let b = bench.run(NewRun::named("b").metric("loss", 0.5).hyperparameter("lr", 0.2).metric("nan", f64::NAN));
    let read = bench.store.read();
    let compared = read.runs().compare([&a, &b]).unwrap();
    let differing: Vec<String> = compared.differing.iter().map(|(field, _)| field.to_string()).collect();
    assert_eq!(differing, ["hyperparameters.lr", "name", "tags"]);
    assert_eq!(compared.differing[0].1, [Some(Value::from(0.1)), Some(Value::from(0.2))]);
    let equal: Vec<String> = compared.equal.iter().map(|(field, _)| field.to_string()).collect();
    assert_eq!(equal, ["metrics.loss", "metrics.nan", "owner"]);
    assert_eq!(compared.equal[0], (QueryField::Metric("loss".to_owned()), Value::from(0.5)));
    assert_eq!(kind(read.runs().compare([&a, &"nobody".parse().unwrap()])), ErrorKind::NotFound);
    assert!(read.runs().compare([]).unwrap().differing.is_empty());
}

#[test]
fn what_was_found_is_deleted_if_it_still_matches() {
    let bench = Bench::with(runs(10));
    let found = bench.store.read().runs().find("metrics.loss = 0 or metrics.loss = 1").unwrap();
    assert_eq!(found.count().unwrap(), 4);
    let by_name = |name: &str| bench.store.read().runs().get_by_name(&bench.experiment, name).unwrap().id;
    // One is no such run any more, one is gone, and one came after the search.
    let (changed, gone) = (by_name("r000"), by_name("r001"));
    bench.write(|w| w.runs().delete_all_metrics(&changed));
    bench.write(|w| w.runs().delete(&gone));
    bench.run(NewRun::named("new").metric("loss", 0.0));
    assert_eq!(bench.write(|w| w.runs().delete_found(&found)), 2);
    assert_eq!(bench.matching(Filter::metric("loss").le(1)), "new");
    assert_eq!(bench.write(|w| w.runs().delete_found(&found)), 0);
    let first = bench.store.read().runs().find(Filter::all()).unwrap().order_by("name").limit(1);
    assert_eq!(names(first.page(0, 0).unwrap().items), "new");
}

/// Whether it still does is up to its experiment, too, as this very write has it.
#[test]
fn what_was_found_by_the_name_of_its_experiment_is_not_deleted_under_another() {
    let bench = Bench::with(runs(3));
    let name = bench.store.read().experiments().get(&bench.experiment).unwrap().name;
    let found = bench.store.read().runs().find(QueryField::ExperimentName.eq(name.as_str())).unwrap();
    assert_eq!(found.count().unwrap(), 3);
    let deleted = bench.write(|w| {
        w.experiments().rename(&bench.experiment, "kept")?;
        w.runs().delete_found(&found)
    });
    assert_eq!(deleted, 0);
    assert_eq!(bench.write(|w| w.runs().delete_found(&found)), 0);
    bench.write(|w| w.experiments().rename(&bench.experiment, &name));
    assert_eq!(bench.write(|w| w.runs().delete_found(&found)), 3);
}

/// Two orders whose words are the same are two orders.
#[test]
fn a_cursor_is_of_its_own_orders() {
    let bench = Bench::with((0..4).map(|at| NewRun::new().metric("a", at).metric("a nulls first", -at)));
    let read = bench.store.read();
    let find = || read.runs().find("").unwrap();
    let one = find().order_by(Order::ascending("metrics.a").nulls_first());
    let two = find().order_by(Order::ascending("metrics.a nulls first"));
    let cursor = one.page_after(None, 2).unwrap().next.unwrap();
    assert_eq!(kind(two.page_after(Some(&cursor), 2)), ErrorKind::InvalidArgument);
    assert_eq!(one.page_after(Some(&cursor), 2).unwrap().items.len(), 2);
}
