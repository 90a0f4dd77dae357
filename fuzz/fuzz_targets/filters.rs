//! Records in blocks of the filter index, in overlays and behind them, are asked filters: they find what looking at
//! each record finds.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use modeldb::{Comparison, Entity, EntityKind, Filter, NewRun, Order, Pattern, PatternSyntax, QueryField, RunId};
use modeldb::{ManualClock, SeededEntropy, Store, Timestamp, Value};

#[derive(Debug, Arbitrary)]
enum Held {
    Nothing,
    Null,
    Bool(bool),
    Small(i8),
    Int(i64),
    /// A whole number, and the double next to it.
    Near(i64),
    Float(f64),
    Text(String),
    Digits(i16),
    Long(u8),
    List(Vec<i8>),
    Map(Box<Held>),
}

impl Held {
    fn value(&self) -> Value {
        match self {
            Held::Nothing | Held::Null => Value::Null,
            Held::Bool(bool) => (*bool).into(),
            Held::Small(int) => (*int).into(),
            Held::Int(int) => (*int).into(),
            Held::Near(int) => (*int as f64).into(),
            Held::Float(float) => (*float).into(),
            Held::Text(text) => text.as_str().into(),
            Held::Digits(int) => int.to_string().into(),
            Held::Long(byte) => "long ".repeat(52 + usize::from(*byte % 2)).into(),
            Held::List(items) => Value::List(items.iter().take(4).map(|item| (*item).into()).collect()),
            Held::Map(inner) => match &**inner {
                Held::Map(_) => Value::Null,
                inner => Value::Map(BTreeMap::from([("key".to_owned(), inner.value())])),
            },
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Record {
    held: [Held; 3],
    tags: u8,
    start: i64,
    owner: u8,
    deleted: bool,
}

#[derive(Debug, Arbitrary)]
enum Asked {
    All(Vec<Asked>),
    Any(Vec<Asked>),
    Not(Box<Asked>),
    Compare(u8, u8, Held),
    In(u8, Vec<Held>, bool),
    Between(u8, Held, Held, bool),
    Part(u8, String, bool),
    Like(u8, String, bool),
    Null(u8),
    Nan(u8),
    /// What some record holds.
    Same(u8, u8, u8),
}

fn field(number: u8) -> QueryField {
    match number % 9 {
        0 => Filter::metric("k"),
        1 => Filter::hyperparameter("k"),
        2 => Filter::attribute("k"),
        3 => QueryField::Tags,
        4 => QueryField::StartTime,
        5 => QueryField::Owner,
        6 => QueryField::Name,
        7 => QueryField::VersionNumber,
        _ => Filter::metric("nowhere"),
    }
}

fn comparison(number: u8) -> Comparison {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual][usize::from(number % 6)]
}

impl Asked {
    fn filter(&self, records: &[Record], depth: usize) -> Filter {
        let all = |asked: &[Asked]| -> Vec<Filter> {
            let asked = if depth > 4 { &[] } else { asked };
            asked.iter().take(4).map(|asked| asked.filter(records, depth + 1)).collect()
        };
        match self {
            Asked::All(asked) => Filter::And(all(asked)),
            Asked::Any(asked) => Filter::Or(all(asked)),
            Asked::Not(asked) => Filter::Not(Box::new(Filter::And(all(std::slice::from_ref(&**asked))))),
            Asked::Compare(at, how, held) => {
                Filter::Compare { field: field(*at), comparison: comparison(*how), value: held.value() }
            }
            Asked::In(at, held, negated) => {
                let values = held.iter().take(4).map(Held::value).collect();
                Filter::In { field: field(*at), values, negated: *negated }
            }
            Asked::Between(at, low, high, negated) => {
                Filter::Between { field: field(*at), low: low.value(), high: high.value(), negated: *negated }
            }
            Asked::Part(at, text, negated) => {
                Filter::Substring { field: field(*at), text: text.clone(), negated: *negated }
            }
            Asked::Like(at, text, negated) => {
                let pattern = Pattern::new(PatternSyntax::Like, text.as_str());
                Filter::Pattern { field: field(*at), pattern, negated: *negated }
            }
            Asked::Null(at) => field(*at).is_null(),
            Asked::Nan(at) => field(*at).is_nan(),
            Asked::Same(at, record, how) => {
                let at = at % 3;
                let record = records.get(usize::from(*record) % records.len().max(1));
                let value = record.map_or(Value::Null, |record| record.held[usize::from(at)].value());
                Filter::Compare { field: field(at), comparison: comparison(*how), value }
            }
        }
    }
}

#[derive(Debug, Arbitrary)]
struct World {
    records: Vec<Record>,
    /// How many records there are when blocks are made.
    blocks: u8,
    asked: Vec<Asked>,
    order: u8,
}

fn new_run(number: usize, record: &Record) -> NewRun {
    let mut run = NewRun::named(format!("r{number}")).owner(["a", "5", "b"][usize::from(record.owner % 3)]);
    let [metric, hyperparameter, attribute] = &record.held;
    if !matches!(metric, Held::Nothing) {
        run = run.metric("k", metric.value());
    }
    if !matches!(hyperparameter, Held::Nothing) {
        run = run.hyperparameter("k", hyperparameter.value());
    }
    if !matches!(attribute, Held::Nothing) {
        run = run.attribute("k", attribute.value());
    }
    let tags = ["a", "b", "5", "5.0"].into_iter().enumerate().filter(|(bit, _)| record.tags >> bit & 1 == 1);
    run = run.tags(tags.map(|(_, tag)| tag));
    run.start_time(Timestamp::from_millis(record.start))
}

fn ask(world: &World) -> modeldb::Result<()> {
    let records = &world.records[..world.records.len().min(40)];
    let clock = ManualClock::new(Timestamp::from_millis(1_800_000_000_000));
    let options = Store::options().clock(clock).entropy(SeededEntropy::new(1)).filter_rows(7, 3).background(false);
    let store = options.open_in_memory()?;
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("p")?;
        w.experiments().get_or_create(&project, "e")
    })?;
    let covered = records.len().min(usize::from(world.blocks % 41));
    let new: Vec<NewRun> = records.iter().enumerate().map(|(number, record)| new_run(number, record)).collect();
    let (first, later) = new.split_at(covered);
    let mut ids: Vec<RunId> = store.write(|w| w.runs().create_many(&experiment, first.to_vec()))?;
    store.optimize()?;
    ids.extend(store.write(|w| w.runs().create_many(&experiment, later.to_vec()))?);
    for (id, record) in ids.iter().zip(records) {
        if record.deleted {
            store.write(|w| w.runs().delete(id))?;
        }
    }
    let read = store.read();
    let runs: Vec<Entity> = ids.iter().rev().filter_map(|id| read.runs().get(id).ok()).map(Entity::Run).collect();
    for asked in world.asked.iter().take(12) {
        let filter = asked.filter(records, 0);
        if filter.check(EntityKind::Run).is_err() {
            continue;
        }
        let expected = runs.iter().filter(|run| filter.matches(*run)).map(Entity::id);
        let expected: Vec<RunId> = expected.map(|id| RunId::try_from(id).expect("a run")).collect();
        let found = read.runs().find(filter.clone())?;
        assert_eq!(found.count()?, expected.len() as u64, "{filter:?}");
        assert_eq!(found.page_ids(0, 0)?.items, expected, "{filter:?}");
        // Ordered by the index, or by sorting what all of them hold: a limit decides.
        let order = || match world.order % 2 {
            0 => Order::ascending(field(world.order / 2 % 3)),
            _ => Order::descending(field(world.order / 2 % 3)),
        };
        let whole = found.clone().order_by(order()).page_ids(0, 0)?.items;
        assert_eq!(whole.len(), expected.len(), "{filter:?}");
        let page = found.order_by(order()).page_ids(1, 3)?.items;
        assert!(page.iter().eq(whole.iter().take(3)), "{filter:?}");
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|world: World| ask(&world).expect("a store in memory"));
