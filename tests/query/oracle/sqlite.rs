//! The same questions put to SQLite, as far as SQL can say them exactly: numbers with numbers, equal strings, what is
//! missing or NaN, patterns, elements of sets, and these with and, or and not. Every condition is an `EXISTS`, which
//! is true or false and never unknown.

use modeldb::{Comparison, Filter, Order, QueryField, RunId, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::looking::Looked;
use super::made::{KEYS, Made, number, tag, text};
use crate::query::plain::read_number;
use crate::support::random::{PrintSeed, Random, printed_seed};

/// What is loaded of each run: values by field, a text that reads as a number as that too.
const SCHEMA: &str = "
    CREATE TABLE runs (row INTEGER PRIMARY KEY, id TEXT);
    CREATE TABLE vals (run INTEGER, field TEXT, kind TEXT, num, txt TEXT);
    CREATE INDEX vals_by_field ON vals (run, field);
";

fn fields() -> Vec<QueryField> {
    let keys = KEYS.into_iter();
    let containers = keys.flat_map(|key| [Filter::metric(key), Filter::hyperparameter(key), Filter::attribute(key)]);
    containers
        .chain([
            QueryField::Name,
            QueryField::Owner,
            QueryField::Description,
            QueryField::CodeVersion,
            QueryField::ProjectId,
            QueryField::ExperimentId,
            QueryField::DateCreated,
            QueryField::DateUpdated,
            QueryField::StartTime,
            QueryField::EndTime,
            QueryField::VersionNumber,
            QueryField::Tags,
            QueryField::Features,
        ])
        .collect()
}

fn is_set(field: &QueryField) -> bool {
    matches!(field, QueryField::Tags | QueryField::Features)
}

fn sql(value: &Value) -> Sql {
    match value {
        Value::Int(int) => Sql::Integer(*int),
        Value::Float(float) => Sql::Real(*float),
        Value::String(text) => Sql::Text(text.clone()),
        other => panic!("SQL is not asked for {other}"),
    }
}

/// The runs of a snapshot, in a database in memory.
struct Peer {
    database: Connection,
    /// Fields that hold nothing but numbers, NaN among them.
    numeric: Vec<QueryField>,
}

impl Peer {
    fn load(looked: &Looked) -> Peer {
        let mut database = Connection::open_in_memory().unwrap();
        database.execute_batch(SCHEMA).unwrap();
        let all = database.transaction().unwrap();
        let insert = "INSERT INTO vals VALUES (?, ?, ?, ?, ?)";
        let mut numeric = fields();
        for place in 0..looked.len() {
            // The newest is the first of what was looked at.
            let row = (looked.len() - place) as i64;
            let id = looked.run(place).id.to_string();
            all.prepare_cached("INSERT INTO runs VALUES (?, ?)").unwrap().execute((row, id)).unwrap();
            for field in fields() {
                for value in looked.values(place, &field) {
                    let (kind, num, txt) = match &value {
                        Value::Null => ("null", Sql::Null, Sql::Null),
                        Value::Bool(_) => ("bool", Sql::Null, Sql::Null),
                        Value::Float(float) if float.is_nan() => ("nan", Sql::Null, Sql::Null),
                        Value::Int(_) | Value::Float(_) => ("num", sql(&value), Sql::Null),
                        Value::String(text) => {
                            let num = read_number(text).map_or(Sql::Null, |number| sql(&number));
                            ("text", num, Sql::Text(text.clone()))
                        }
                        _ => ("nested", Sql::Null, Sql::Null),
                    };
                    if !["null", "nan", "num"].contains(&kind) {
                        numeric.retain(|numeric| *numeric != field);
                    }
                    let values =
                        [Sql::Integer(row), Sql::Text(field.to_string()), Sql::Text(kind.to_owned()), num, txt];
                    all.prepare_cached(insert).unwrap().execute(params_from_iter(values)).unwrap();
                }
            }
        }
        all.commit().unwrap();
        numeric.retain(|field| !is_set(field));
        Peer { database, numeric }
    }

    fn count(&self, said: &Said) -> u64 {
        let count = format!("SELECT count(*) FROM runs r WHERE {}", said.sql);
        let mut count = self.database.prepare(&count).unwrap();
        count.query_row(params_from_iter(&said.values), |row| row.get::<_, i64>(0)).unwrap() as u64
    }

    /// The ids of the first page by the numbers of a field.
    fn first(&self, said: &Said, field: &QueryField, descending: bool, limit: usize) -> Vec<RunId> {
        let direction = if descending { "DESC" } else { "ASC" };
        let page = format!(
            "SELECT r.id FROM runs r LEFT JOIN vals o ON o.run = r.row AND o.field = ? AND o.kind <> 'null'
             WHERE {}
             ORDER BY CASE o.kind WHEN 'num' THEN 0 WHEN 'nan' THEN 1 ELSE 2 END, o.num {direction}, r.row DESC
             LIMIT {limit}",
            said.sql
        );
        let mut page = self.database.prepare(&page).unwrap();
        let values = std::iter::once(Sql::Text(field.to_string())).chain(said.values.iter().cloned());
        let ids = page.query_map(params_from_iter(values), |row| row.get::<_, String>(0)).unwrap();
        ids.map(|id| id.unwrap().parse().unwrap()).collect()
    }
}

/// The same condition in both languages.
#[derive(Debug, Clone)]
struct Said {
    filter: Filter,
    sql: String,
    values: Vec<Sql>,
}

/// Some value of the field of which a condition holds.
fn exists(field: &QueryField, condition: &str, operands: &[Value]) -> (String, Vec<Sql>) {
    let values = std::iter::once(Sql::Text(field.to_string())).chain(operands.iter().map(sql)).collect();
    (format!("EXISTS (SELECT 1 FROM vals v WHERE v.run = r.row AND v.field = ? AND {condition})"), values)
}

/// Or, if `negated`: there is a value, and of none does it hold; of a set there need not be one.
fn some(field: &QueryField, negated: bool, condition: &str, operands: &[Value], filter: Filter) -> Said {
    let (positive, mut values) = exists(field, condition, operands);
    let sql = match (negated, is_set(field)) {
        (false, _) => positive,
        (true, true) => format!("NOT {positive}"),
        (true, false) => {
            let (there, own) = exists(field, "v.kind NOT IN ('null', 'nan')", &[]);
            values.splice(0..0, own);
            format!("({there} AND NOT {positive})")
        }
    };
    Said { filter, sql, values }
}

fn operand(random: &mut Random, looked: &Looked, field: &QueryField, texts: bool) -> Value {
    for _ in 0..3 {
        match looked.values(random.below(looked.len()), field).pop() {
            Some(value @ Value::String(_)) if texts => return value,
            Some(Value::Int(int)) if !texts => return int.saturating_add(random.between(-1, 1)).into(),
            Some(Value::Float(float)) if !texts && !float.is_nan() => return float.into(),
            _ => {}
        }
    }
    match texts {
        true if is_set(field) => tag(random).into(),
        true => text(random).into(),
        false => number(random),
    }
}

/// A pattern of `LIKE`, and the same as one of `GLOB`, which tells case apart and knows no escape.
fn pattern(random: &mut Random) -> (String, String) {
    let parts =
        [("%", "*"), ("_", "?"), ("a", "a"), ("b", "b"), ("5", "5"), (".", "."), ("\u{e9}", "\u{e9}"), ("[", "[[]")];
    let (like, glob): (Vec<&str>, Vec<&str>) = (0..1 + random.below(4)).map(|_| *random.pick(&parts)).unzip();
    (like.concat(), glob.concat())
}

fn condition(random: &mut Random, looked: &Looked) -> Said {
    let field = random.pick(&fields()).clone();
    let negated = random.percent(40);
    let texts = match field {
        QueryField::DateCreated | QueryField::DateUpdated | QueryField::StartTime | QueryField::EndTime => false,
        QueryField::VersionNumber => false,
        _ => random.percent(40) || is_set(&field),
    };
    let column = if texts { "v.txt" } else { "v.num" };
    let one = |random: &mut Random| operand(random, looked, &field, texts);
    match random.below(10) {
        0..=3 => {
            let (comparison, operator) = *random.pick(&[
                (Comparison::Equal, "="),
                (Comparison::Less, "<"),
                (Comparison::LessOrEqual, "<="),
                (Comparison::Greater, ">"),
                (Comparison::GreaterOrEqual, ">="),
            ]);
            let value = one(random);
            let condition = format!("{column} {operator} ?");
            let filter = Filter::Compare { field: field.clone(), comparison, value: value.clone() };
            some(&field, false, &condition, &[value], filter)
        }
        4 => {
            let value = one(random);
            let comparison = Comparison::NotEqual;
            let filter = Filter::Compare { field: field.clone(), comparison, value: value.clone() };
            some(&field, true, &format!("{column} = ?"), &[value], filter)
        }
        5 => {
            let values: Vec<Value> = (0..random.below(4)).map(|_| one(random)).collect();
            let places = vec!["?"; values.len()].join(", ");
            let filter = Filter::In { field: field.clone(), values: values.clone(), negated };
            some(&field, negated, &format!("{column} IN ({places})"), &values, filter)
        }
        6 => {
            let (low, high) = (one(random), one(random));
            let filter = Filter::Between { field: field.clone(), low: low.clone(), high: high.clone(), negated };
            some(&field, negated, &format!("{column} BETWEEN ? AND ?"), &[low, high], filter)
        }
        7 if !is_set(&field) => {
            let (sql, values) = exists(&field, "v.kind <> 'null'", &[]);
            Said { filter: field.is_null(), sql: format!("NOT {sql}"), values }
        }
        8 if !is_set(&field) => some(&field, false, "v.kind = 'nan'", &[], field.clone().is_nan()),
        // Neither holds a list, whose text SQL does not know, nor the character at which GLOB ends.
        _ => {
            let field = random.pick(&[QueryField::Owner, QueryField::Tags, QueryField::ProjectId]).clone();
            let (like, glob) = pattern(random);
            let filter = match field.clone().like(like) {
                Filter::Pattern { field, pattern, .. } => Filter::Pattern { field, pattern, negated },
                other => other,
            };
            some(&field, negated, "v.txt GLOB ?", &[glob.into()], filter)
        }
    }
}

fn said(random: &mut Random, looked: &Looked, depth: usize) -> Said {
    if depth == 0 || random.percent(40) {
        return condition(random, looked);
    }
    if random.percent(25) {
        let inner = said(random, looked, depth - 1);
        return Said { filter: Filter::Not(Box::new(inner.filter)), sql: format!("NOT ({})", inner.sql), ..inner };
    }
    let all: Vec<Said> = (0..1 + random.below(3)).map(|_| said(random, looked, depth - 1)).collect();
    let filters = all.iter().map(|said| said.filter.clone()).collect();
    let join = |with: &str| all.iter().map(|said| format!("({})", said.sql)).collect::<Vec<_>>().join(with);
    let (filter, sql) = match random.percent(50) {
        true => (Filter::And(filters), join(" AND ")),
        false => (Filter::Or(filters), join(" OR ")),
    };
    Said { filter, sql, values: all.into_iter().flat_map(|said| said.values).collect() }
}

#[test]
fn sqlite_finds_the_same() {
    let seed = printed_seed("SQLite", 20_261_211);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut made = Made::new((100, 40), false);
    made.grow(&mut random, 360);
    let (mut asked, mut found_some, mut pages) = (0, 0, 0);
    for round in 0..8 {
        (0..30).for_each(|_| made.change(&mut random));
        made.restore_parents();
        if round % 2 == 1 {
            made.bench.store.optimize().unwrap();
        }
        let looked = Looked::at(made.bench.store.read(), &made.runs);
        let peer = Peer::load(&looked);
        assert!(peer.numeric.len() >= 5);
        for _ in 0..500 {
            let said = said(&mut random, &looked, 2);
            let found = looked.read.runs().find(said.filter.clone()).unwrap();
            let count = peer.count(&said);
            assert_eq!(found.count().unwrap(), count, "round {round}: {said:?}");
            asked += 1;
            found_some += u32::from(count > 0);
            let (field, descending) = (random.pick(&peer.numeric).clone(), random.percent(50));
            let order = if descending { Order::descending(field.clone()) } else { Order::ascending(field.clone()) };
            let first = found.order_by(order).page_ids(1, 20).unwrap().items;
            assert_eq!(first, peer.first(&said, &field, descending, 20), "round {round}: {said:?} by {field}");
            pages += u32::from(first.len() > 1);
        }
    }
    println!("SQLite was asked {asked} filters: {found_some} found something, {pages} pages have an order");
    assert!(asked >= 4000 && found_some > 2000 && pages > 1500, "{asked} {found_some} {pages}");
}
