//! A damaged filter index: what a search answers is right or a typed error, and what is lost of a block is answered by
//! records until the block is made anew.

use std::path::Path;

use modeldb::{Entity, Error, Filter, ManualClock, NewRun, Options, RunId, SeededEntropy, Store, Subject, Timestamp};
use redb::{ReadableTable, TableDefinition};

use super::answer::{Tally, on_the_worker};
use crate::support::random::{PrintSeed, Random, printed_seed};
use crate::support::tamper;

/// Number, generation, space and code of a field, piece.
type FieldKey = (u32, u32, u8, u32, u32);
const FILTER: TableDefinition<FieldKey, &[u8]> = TableDefinition::new("filter");
const BLOCKS: TableDefinition<u32, &[u8]> = TableDefinition::new("filter_blocks");

const SETTINGS: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// What is kept beside the blocks.
const SETTINGS_BESIDE: [&str; 2] = ["filter-changed", "filter-purged"];

const PAGE: usize = 4096;

fn options() -> Options {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    let options = Store::options().entropy(SeededEntropy::new(5)).clock(clock).cache_bytes(1 << 20);
    options.filter_rows(8, 4).background(false)
}

/// What is asked of the damaged store.
const ASKED: [&str; 8] = [
    "metrics.x >= 10 and metrics.x < 30",
    "hyperparameters.optimizer = 'adam' and tags contains 'b'",
    "not (tags contains 'a')",
    "attributes.any is null or attributes.any = true",
    "attributes.any != 5",
    "name like 'run-1%'",
    "features contains 'f' and owner = 'alice'",
    "metrics.late is not null",
];

/// What an undamaged store answers.
struct Asked {
    /// The ids of what matches each, the greatest metric first; found by looking.
    expected: Vec<Vec<RunId>>,
    blocks: u64,
}

/// A store of 48 runs in blocks of 8, of which several were made three times; closed.
fn made(store: Store) -> Asked {
    let experiment = super::first_commit(&store);
    let run = |number: usize| {
        let run = NewRun::named(format!("run-{number}")).metric("x", number as f64).owner(["alice", "bob"][number % 2]);
        let run = run.tags(["a", "b", "c"].into_iter().take(number % 4)).feature("f");
        let run = run.hyperparameter("optimizer", ["adam", "sgd", "other"][number % 3]);
        match number % 5 {
            0 => run,
            1 => run.attribute("any", true),
            2 => run.attribute("any", "5"),
            3 => run.attribute("any", vec![5, 6]),
            _ => run.attribute("any", i64::MAX - number as i64),
        }
    };
    let create = |from: usize, to: usize| -> Vec<RunId> {
        store.write(|w| w.runs().create_many(&experiment, (from..to).map(run))).unwrap()
    };
    let late = |id: &RunId, key: &str| store.write(|w| w.runs().log_metric(id, key, 1)).unwrap();
    let mut ids = create(0, 24);
    store.optimize().unwrap();
    ids.iter().step_by(3).for_each(|id| late(id, "late"));
    store.optimize().unwrap();
    ids.extend(create(24, 48));
    ids.iter().skip(1).step_by(5).for_each(|id| late(id, "later"));
    ids.iter().skip(7).step_by(11).for_each(|id| store.write(|w| w.runs().delete(id)).unwrap());
    store.optimize().unwrap();
    // Behind the blocks.
    late(&ids[2], "late");
    let read = store.read();
    let runs: Vec<_> = ids.iter().rev().filter_map(|id| read.runs().get(id).ok()).map(Entity::Run).collect();
    let expected = ASKED.map(|text| {
        let filter = Filter::parse(text).unwrap();
        // The number of a run is its place in the order of rows as well.
        let matching = runs.iter().filter(|run| filter.matches(Subject::new(run)));
        matching.map(|run| RunId::try_from(run.id()).unwrap()).collect()
    });
    let blocks = store.stats().unwrap().filter_blocks;
    drop(read);
    store.close().unwrap();
    Asked { expected: expected.into(), blocks }
}

/// Asks everything. Answers whether all was found; what is found and does not match fails the test.
fn ask(store: &Store, asked: &Asked) -> Result<bool, Error> {
    let read = store.read();
    let mut complete = true;
    for (text, expected) in ASKED.iter().zip(&asked.expected) {
        let found = read.runs().find(*text)?;
        let count = found.count()?;
        let newest = found.page_ids(0, 0)?;
        let ordered = found.order_by("-metrics.x").page_ids(0, 0)?;
        for page in [newest, ordered] {
            let mut rest = expected.iter();
            for id in &page.items {
                assert!(rest.any(|expected| expected == id), "{text}: {id} does not match, or stands out of order");
            }
            assert_eq!(page.total, page.items.len() as u64, "{text}");
            complete &= page.items.len() == expected.len();
        }
        assert!(count <= expected.len() as u64, "{text}: {count} of {}", expected.len());
        complete &= count == expected.len() as u64;
    }
    let facets = read.runs().find(ASKED[0])?.facets("tags")?;
    assert!(facets.total <= asked.expected[0].len() as u64);
    Ok(complete)
}

fn examine(check_integrity: bool) -> Tally {
    on_the_worker(move || {
        let disk = modeldb::simulation::SimulatedDisk::new();
        let asked = made(options().open_simulated(&disk).unwrap());
        assert_eq!(asked.blocks, 6);
        let whole = disk.bytes("store.redb").unwrap();
        let mut tally = Tally::default();
        let mut one = |bytes: Vec<u8>, what: &str| {
            tally.examine_as(options(), bytes, check_integrity, what, |store| ask(store, &asked));
        };
        one(whole.clone(), "nothing");
        let seed = printed_seed("damaged index", 20_261_221);
        let _print = PrintSeed(seed);
        let mut random = Random::new(seed);
        let (mut flips, mut pages) = (0, 0);
        for page in 0..whole.len() / PAGE {
            let own = page * PAGE..(page + 1) * PAGE;
            // Of a page that was never written there is nothing to damage.
            if whole[own.clone()].iter().all(|byte| *byte == 0) {
                continue;
            }
            for fill in [0, 0xff] {
                let mut bytes = whole.clone();
                bytes[own.clone()].fill(fill);
                one(bytes, &format!("page {page} is all {fill:#x}"));
                pages += 1;
            }
            for _ in 0..60 {
                let mut bytes = whole.clone();
                // Most of a page may be empty.
                let set: Vec<usize> = own.clone().filter(|at| bytes[*at] != 0).collect();
                let at = if random.percent(80) { *random.pick(&set) } else { own.start + random.below(PAGE) };
                bytes[at] ^= 1 << random.below(8);
                one(bytes, &format!("byte {at}"));
                flips += 1;
            }
        }
        println!("index: {pages} pages, {flips} bits, integrity checked: {check_integrity}: {tally:?}");
        tally
    })
}

#[test]
fn with_the_integrity_check_searches_are_right_or_errors() {
    let tally = examine(true);
    assert_eq!((tally.missing, tally.panicked), (0, 0), "{tally:?}");
    assert!(tally.refused > 0 && tally.right > 0, "{tally:?}");
}

/// A plain open promises no more than that what is found matches: the rest is bounded as measured, generously.
#[test]
fn opened_plainly_searches_find_nothing_that_does_not_match() {
    let tally = examine(false);
    assert!(tally.right * 2 > tally.all(), "{tally:?}");
    assert!(tally.missing * 100 <= tally.all() * 10, "{tally:?}");
    assert!(tally.panicked * 100 <= tally.all() * 10, "{tally:?}");
}

/// How many records a question took, and how many runs stood beside blocks; what is found is right.
fn records(store: &Store, asked: &Asked) -> (u64, u64) {
    assert!(ask(store, asked).unwrap());
    let told = ASKED.map(|text| store.read().runs().find(text).unwrap().explain().unwrap());
    assert!(told.iter().zip(&asked.expected).all(|(told, expected)| told.total == expected.len() as u64));
    (told.iter().map(|told| told.records).sum(), told.iter().map(|told| told.rest).sum())
}

#[derive(Debug, Clone, Copy)]
enum Harm {
    Flipped,
    Cut,
    Lost,
    /// What another block holds of it.
    Swapped,
}

const HARMS: [Harm; 4] = [Harm::Flipped, Harm::Cut, Harm::Lost, Harm::Swapped];

/// Does harm to one value; `other` is one of the same kind.
fn harmed(harm: Harm, mut value: Vec<u8>, other: &[u8]) -> Option<Vec<u8>> {
    match harm {
        Harm::Flipped => *value.last_mut().unwrap() ^= 1,
        Harm::Cut => drop(value.pop()),
        Harm::Lost => return None,
        Harm::Swapped => value = other.to_vec(),
    }
    Some(value)
}

fn harm_field(folder: &Path, key: FieldKey, harm: Harm) {
    tamper(folder, |txn| {
        let mut table = txn.open_table(FILTER).unwrap();
        let all: Vec<(FieldKey, Vec<u8>)> = table
            .iter()
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|(key, value)| (key.value(), value.value().to_vec()))
            .collect();
        let same = |other: &FieldKey| (other.2, other.3) == (key.2, key.3) && *other != key;
        let value = all.iter().find(|(known, _)| *known == key).unwrap().1.clone();
        let other = all.iter().find(|(other, _)| same(other)).map_or(&[][..], |(_, value)| value);
        match harmed(harm, value, other) {
            Some(value) => drop(table.insert(key, &*value).unwrap()),
            None => drop(table.remove(key).unwrap()),
        }
    });
}

fn harm_block(folder: &Path, number: u32, harm: Harm) {
    tamper(folder, |txn| {
        let mut table = txn.open_table(BLOCKS).unwrap();
        let get = |number: u32| table.get(number).unwrap().unwrap().value().to_vec();
        let harmed = harmed(harm, get(number), &get((number + 1) % 6));
        match harmed {
            Some(value) => drop(table.insert(number, &*value).unwrap()),
            None => drop(table.remove(number).unwrap()),
        }
    });
}

fn harm_setting(folder: &Path, name: &'static str, harm: Harm) {
    tamper(folder, |txn| {
        let mut table = txn.open_table(SETTINGS).unwrap();
        let get = |name: &str| table.get(name).unwrap().unwrap().value().to_vec();
        let other = SETTINGS_BESIDE.into_iter().find(|other| *other != name).unwrap();
        match harmed(harm, get(name), &get(other)) {
            Some(value) => drop(table.insert(name, &*value).unwrap()),
            None => drop(table.remove(name).unwrap()),
        }
    });
}

/// What is kept of changed and of purged rows beside the blocks, in each way: records answer for all blocks.
#[test]
fn what_is_lost_beside_the_blocks_is_answered_by_records_until_they_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let asked = made(options().open(folder.path()).unwrap());
    let bytes = std::fs::read(folder.path().join("store.redb")).unwrap();
    let store = options().open(folder.path()).unwrap();
    let (usual, _) = records(&store, &asked);
    store.optimize().unwrap();
    let (after, _) = records(&store, &asked);
    store.close().unwrap();
    for (name, harm) in SETTINGS_BESIDE.into_iter().flat_map(|name| HARMS.map(|harm| (name, harm))) {
        std::fs::write(folder.path().join("store.redb"), &bytes).unwrap();
        harm_setting(folder.path(), name, harm);
        let store = options().open(folder.path()).unwrap();
        assert!(records(&store, &asked).0 >= usual, "{name}: {harm:?}");
        store.optimize().unwrap();
        assert_eq!(records(&store, &asked).0, after, "{name}: {harm:?}");
        store.close().unwrap();
        let store = options().open(folder.path()).unwrap();
        assert_eq!(records(&store, &asked).0, after, "{name}: {harm:?}, opened again");
    }
}

/// Every field of two blocks, and each block's own entry, in each way: records answer for it, and `optimize` makes the
/// block anew, which lasts.
#[test]
fn what_is_lost_of_a_block_is_answered_by_records_until_it_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let asked = made(options().open(folder.path()).unwrap());
    let bytes = std::fs::read(folder.path().join("store.redb")).unwrap();
    let mut keys: Vec<FieldKey> = Vec::new();
    tamper(folder.path(), |txn| {
        let table = txn.open_table(FILTER).unwrap();
        keys = table.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect();
    });
    // Of each block there is one generation, and not of all the first.
    let generations: std::collections::BTreeSet<(u32, u32)> = keys.iter().map(|key| (key.0, key.1)).collect();
    assert_eq!(generations.len(), 6);
    assert!(generations.iter().any(|(_, generation)| *generation >= 3), "{generations:?}");
    // The last edit is in no block, and an operand that no column knows takes records as well.
    let store = options().open(folder.path()).unwrap();
    let (usual, beside) = records(&store, &asked);
    store.optimize().unwrap();
    let (after, _) = records(&store, &asked);
    assert!(after <= usual && beside <= ASKED.len() as u64, "{after} {usual} {beside}");
    store.close().unwrap();
    let mut dearer = 0;
    let fields = keys.iter().filter(|key| key.0 == 0 || key.0 == 3).map(|key| (Some(*key), key.0));
    let blocks = (0..6).map(|number| (None, number));
    let mut cases = 0;
    for ((field, number), harm) in fields.chain(blocks).flat_map(|case| HARMS.map(|harm| (case, harm))) {
        std::fs::write(folder.path().join("store.redb"), &bytes).unwrap();
        match field {
            Some(key) => harm_field(folder.path(), key, harm),
            None => harm_block(folder.path(), number, harm),
        }
        let what = format!("{field:?} of block {number}: {harm:?}");
        let store = options().open(folder.path()).unwrap();
        assert_eq!(store.stats().unwrap().filter_blocks, 6 - u64::from(field.is_none()), "{what}");
        let (harmed, _) = records(&store, &asked);
        assert!(harmed >= usual, "{what}");
        dearer += u32::from(harmed > usual);
        store.optimize().unwrap();
        assert_eq!(records(&store, &asked).0, after, "{what}");
        store.close().unwrap();
        let store = options().open(folder.path()).unwrap();
        assert_eq!(store.stats().unwrap().filter_blocks, 6, "{what}");
        assert_eq!(records(&store, &asked).0, after, "{what}, opened again");
        cases += 1;
    }
    println!("{cases} cases of harm, {dearer} of which cost records");
    assert!(dearer * 3 > cases, "{dearer} of {cases}");
}
