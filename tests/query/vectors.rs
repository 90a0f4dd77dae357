//! ModelDB's worked vectors 5, 6, 7 and 20.

use modeldb::{Filter, NewRun, Operator, Order, Predicate};

use super::{Bench, names};

fn three() -> Bench {
    Bench::with([NewRun::named("A").metric("m", 10), NewRun::named("B").metric("m", 9), NewRun::named("C")])
}

#[test]
fn vector_5_sorts_by_number_with_the_missing_smallest() {
    let bench = three();
    let sorted = |ascending| {
        let found = bench.store.read().runs().find(Filter::all()).unwrap();
        names(found.order_by(Order::sort_key("metrics.m", ascending)).page(0, 0).unwrap().items)
    };
    assert_eq!(sorted(false), "A B C");
    assert_eq!(sorted(true), "C B A");
}

#[test]
fn vector_6_negates_over_entities() {
    let bench = three();
    let a = bench.store.read().runs().get_by_name(&bench.experiment, "A").unwrap().id;
    bench.write(|w| w.runs().add_tags(&a, ["x", "y"]));
    assert_eq!(bench.fulfilling("metrics.m", Operator::Ne, 10), "B C");
    assert_eq!(bench.fulfilling("metrics.m", Operator::Gt, 0), "A B");
    assert_eq!(bench.fulfilling("tags", Operator::Ne, "x"), "B C");
    let both = [Predicate::new("metrics.m", Operator::Gte, 9), Predicate::new("metrics.m", Operator::Lte, 9.5)];
    let found = bench.store.read().runs().find(Filter::all()).unwrap().predicates(both);
    assert_eq!(names(found.page(0, 0).unwrap().items), "B");
}

#[test]
fn vector_7_pages_from_1_and_knows_the_total() {
    let bench = Bench::with((1..=5).map(|n| NewRun::named(format!("{n}"))));
    let found = bench.store.read().runs().find(Filter::all()).unwrap().order_by("name");
    let page = |number, limit| {
        let page = found.page(number, limit).unwrap();
        (names(page.items), page.total)
    };
    assert_eq!(page(2, 2), ("3 4".to_owned(), 5));
    assert_eq!(page(4, 2), (String::new(), 5));
    assert_eq!(page(0, 2), ("1 2 3 4 5".to_owned(), 5));
    assert_eq!(page(2, 0), ("1 2 3 4 5".to_owned(), 5));
    assert_eq!(page(3, 2), ("5".to_owned(), 5));
    assert_eq!(page(u32::MAX, u32::MAX), (String::new(), 5));
}

#[test]
fn vector_20_top_is_the_first_page() {
    let bench = three();
    let found = bench.store.read().runs().find(Filter::all()).unwrap();
    let best = found.clone().order_by(Order::sort_key("metrics.m", false));
    assert_eq!(names(best.top(1).unwrap()), "A");
    assert_eq!(best.top(1).unwrap(), best.page(1, 1).unwrap().items);
    // "Bottom" is ascending, and 0 is all.
    assert_eq!(names(found.order_by(Order::sort_key("metrics.m", true)).top(0).unwrap()), "C B A");
}
