//! Listings: pages, cursors, both directions, and what changes between pages.

use modeldb::{Cursor, ErrorKind, NewExperiment, NewProject, NewRun, Run, RunId, limits};

use super::support::{Bench, Random, kind, run_names, seed};

fn pages(listing: &modeldb::Listing<Run>, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let listing = match cursor {
            Some(cursor) => listing.clone().after(cursor),
            None => listing.clone(),
        };
        let page = listing.page(limit).unwrap();
        pages.push(page.items.iter().map(|run| run.name.clone()).collect());
        match page.next {
            // As a server would hand it out and take it back.
            Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            None => return pages,
        }
    }
}

fn named(names: std::ops::Range<usize>) -> Vec<String> {
    names.map(|n| format!("r{n:04}")).collect()
}

#[test]
fn pages_follow_one_another_in_both_directions() {
    let bench = Bench::new();
    let count = 700; // More than is read ahead.
    bench
        .store
        .write(|w| w.runs().create_many(&bench.experiment, named(0..count).into_iter().map(NewRun::named)))
        .unwrap();
    let read = bench.store.read();
    for listing in [read.runs().list(&bench.experiment).unwrap(), read.runs().list_in_project(&bench.project).unwrap()]
    {
        assert_eq!(listing.count().unwrap(), count as u64);
        for limit in [1, 7, 256, 257, 699, 700, 701, limits::PAGE_ITEMS] {
            let forward = pages(&listing, limit);
            assert!(forward.iter().all(|page| page.len() <= limit));
            assert_eq!(forward.len(), count.div_ceil(limit), "no empty last page");
            assert_eq!(forward.concat(), named(0..count));
            let mut backward = pages(&listing.clone().newest_first(), limit).concat();
            backward.reverse();
            assert_eq!(backward, named(0..count));
        }
        let lazily: Vec<_> = listing.clone().into_iter().map(|run| run.unwrap().name).collect();
        assert_eq!(lazily, named(0..count));
        assert_eq!(listing.clone().newest_first().into_iter().next().unwrap().unwrap().name, "r0699");
        assert_eq!(kind(listing.page(0)), ErrorKind::InvalidArgument);
        assert_eq!(kind(listing.page(limits::PAGE_ITEMS + 1)), ErrorKind::InvalidArgument);
    }
}

#[test]
fn a_cursor_stays_valid_on_later_snapshots() {
    let bench = Bench::new();
    let ids: Vec<RunId> = named(0..10).into_iter().map(|name| bench.run(NewRun::named(name))).collect();
    let list = || bench.store.read().runs().list(&bench.experiment).unwrap();
    let first = list().page(4).unwrap();
    let cursor = first.next.unwrap();
    let names = |page: modeldb::Page<Run>| page.items.into_iter().map(|run| run.name).collect::<Vec<_>>();
    // Even if the entity that the page ended with is gone, and the next one too.
    bench.store.write(|w| w.runs().delete(&ids[3])).unwrap();
    bench.store.write(|w| w.runs().delete(&ids[4])).unwrap();
    bench.run(NewRun::named("r0010"));
    assert_eq!(names(list().after(cursor).page(100).unwrap()), named(5..11));
    assert_eq!(names(list().newest_first().after(cursor).page(100).unwrap()), ["r0002", "r0001", "r0000"]);
    // The old snapshot still pages as it was, and `count` is of the whole listing.
    assert_eq!(list().after(cursor).count().unwrap(), 9);
    let held = bench.store.read().as_of(modeldb::Sequence::new(11)).unwrap();
    let held = held.runs().list(&bench.experiment).unwrap();
    assert_eq!(names(held.clone().after(cursor).page(100).unwrap()), named(4..10));
    assert_eq!(held.count().unwrap(), 10);
    // The last page says so, also when what follows is deleted.
    for run in &ids[5..] {
        bench.store.write(|w| w.runs().delete(run)).unwrap();
    }
    let page = list().page(4).unwrap();
    assert_eq!(
        (names(page.clone()), page.next),
        (vec!["r0000".into(), "r0001".into(), "r0002".into(), "r0010".into()], None)
    );
}

#[test]
fn cursors_and_heads_are_texts() {
    let bench = Bench::new();
    (0..3).for_each(|_| drop(bench.run(NewRun::new())));
    let cursor = bench.store.read().runs().list(&bench.experiment).unwrap().page(2).unwrap().next.unwrap();
    assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
    for bad in ["", "c", "c0000000", "c000000000", "x00000001", "c+0000001", "c-0000001", "cgggggggg", "c0000\u{e9}01"]
    {
        assert_eq!(kind(bad.parse::<Cursor>()), ErrorKind::InvalidArgument, "{bad}");
    }
    let head = bench.store.audit().head().unwrap();
    let text = head.to_string();
    assert_eq!(text, format!("{}:{}", head.sequence, head.hash));
    assert_eq!(text.parse::<modeldb::Head>().unwrap(), head);
    let hash = head.hash.to_string();
    assert_eq!(hash.len(), 64);
    let signed = format!("4:+1{}", &hash[2..]);
    let shorter = format!("4:{}", &hash[1..]);
    for bad in ["", ":", "4", "4:", "x:00", &hash, &shorter, &signed, &format!("+4:{hash}"), &format!("-4:{hash}")] {
        assert_eq!(kind(bad.parse::<modeldb::Head>()), ErrorKind::InvalidArgument, "{bad}");
    }
}

#[test]
fn listings_of_each_kind_hold_their_children_only() {
    let bench = Bench::new();
    let store = &bench.store;
    let (other, elsewhere) = store
        .write(|w| {
            let other = w.projects().create(NewProject::named("other"))?;
            w.experiments().create(&bench.project, NewExperiment::named("second"))?;
            Ok((other.clone(), w.experiments().create(&other, NewExperiment::named("elsewhere"))?))
        })
        .unwrap();
    bench.run(NewRun::named("here"));
    store.write(|w| w.runs().create(&elsewhere, NewRun::named("there"))).unwrap();
    let read = store.read();
    let projects: Vec<_> = read.projects().list().into_iter().map(|project| project.unwrap().name).collect();
    assert_eq!(projects, ["wine-quality", "other"]);
    let newest: Vec<_> = read.projects().list().newest_first().page(1).unwrap().items;
    assert_eq!(newest[0].name, "other");
    let experiments = read.experiments().list(&bench.project).unwrap();
    let experiments: Vec<_> = experiments.into_iter().map(|experiment| experiment.unwrap().name).collect();
    assert_eq!(experiments, ["random-forest", "second"]);
    assert_eq!(run_names(&read, &bench.experiment), ["here"]);
    assert_eq!(run_names(&read, &elsewhere), ["there"]);
    let project_wide = read.runs().list_in_project(&other).unwrap().page(9).unwrap().items;
    assert_eq!(project_wide.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["there"]);
    assert_eq!(kind(read.runs().list(&"none".parse().unwrap()).map(|_| ())), ErrorKind::NotFound);
    assert_eq!(kind(read.experiments().list(&"none".parse().unwrap()).map(|_| ())), ErrorKind::NotFound);
    assert_eq!(kind(read.runs().list_in_project(&"none".parse().unwrap()).map(|_| ())), ErrorKind::NotFound);
}

/// Random runs in random experiments, some deleted: pages are what a plain list says.
#[test]
fn pages_of_a_project_equal_a_plain_list() {
    let mut random = Random(seed());
    let bench = Bench::new();
    let experiments: Vec<_> = (0..5)
        .map(|n| bench.store.write(|w| w.experiments().get_or_create(&bench.project, &format!("e{n}"))).unwrap())
        .collect();
    let mut expected: Vec<(RunId, usize)> = Vec::new();
    for _ in 0..40 {
        let experiment = random.below(5);
        let many = random.below(60);
        let ids = bench
            .store
            .write(|w| w.runs().create_many(&experiments[experiment], (0..many).map(|_| NewRun::new())))
            .unwrap();
        expected.extend(ids.into_iter().map(|id| (id, experiment)));
        if !expected.is_empty() {
            let (gone, _) = expected.remove(random.below(expected.len()));
            bench.store.write(|w| w.runs().delete(&gone)).unwrap();
        }
    }
    bench.store.write(|w| w.experiments().delete(&experiments[2])).unwrap();
    expected.retain(|(_, experiment)| *experiment != 2);
    let read = bench.store.read();
    let listing = read.runs().list_in_project(&bench.project).unwrap();
    let collect = |limit: usize, newest: bool| {
        let mut listing = if newest { listing.clone().newest_first() } else { listing.clone() };
        let mut found = Vec::new();
        loop {
            let page = listing.page(limit).unwrap();
            found.extend(page.items.into_iter().map(|run| run.id));
            match page.next {
                Some(next) => listing = listing.after(next),
                None => break found,
            }
        }
    };
    let ids: Vec<_> = expected.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(listing.count().unwrap(), ids.len() as u64);
    for limit in [1 + random.below(50), 300, 5000] {
        assert_eq!(collect(limit, false), ids);
        let mut newest = collect(limit, true);
        newest.reverse();
        assert_eq!(newest, ids);
    }
}
