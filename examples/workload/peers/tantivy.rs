//! tantivy: one static segment, sorted by start time, with fast fields; and redb for the runs, which it finds by a row
//! number. A store that takes writes has several segments, in none of which the first documents are the newest.

use std::error::Error;
use std::ops::Bound;
use std::path::Path;

use redb::{ReadOnlyTable, ReadableDatabase, TableDefinition};
use tantivy::collector::TopDocs;
use tantivy::columnar::Column;
use tantivy::merge_policy::NoMergePolicy;
use tantivy::query::{
    AllQuery, BooleanQuery, EnableScoring, ExistsQuery, Occur, PhraseQuery, Query as Asked, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer, TokenStream, Tokenizer};
use tantivy::{Index, IndexSettings, IndexSortByField, Order, Searcher, TERMINATED, TantivyDocument, Term};

use super::page;
use super::trigrams::Trigrams;
use crate::engine::{Answer, COUNT, Engine, FACETS, OWNED, Way};
use crate::queries::{PAGE, Query, Tags, each_record, number, text};
use crate::record::Record;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DOCUMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("documents");

/// Plans of a page: the first documents, which are the newest, or the best of all by a fast field.
const SORTED: &str = "sorted";
const TOP: &str = "top";

struct Fields {
    row: Field,
    start_time: Field,
    accuracy: Field,
    val_loss: Field,
    rare_metric: Field,
    optimizer: Field,
    status: Field,
    experiment: Field,
    tag: Field,
    words: Field,
    parts: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fast = NumericOptions::default().set_fast();
    let indexed = |tokenizer: &str, option| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option);
        TextOptions::default().set_indexing_options(indexing.set_fieldnorms(false))
    };
    let raw = indexed("raw", IndexRecordOption::Basic);
    let fields = Fields {
        row: schema.add_u64_field("row", fast.clone()),
        start_time: schema.add_i64_field("start_time", fast.clone()),
        accuracy: schema.add_f64_field("accuracy", fast.clone()),
        val_loss: schema.add_f64_field("val_loss", fast.clone()),
        rare_metric: schema.add_f64_field("rare_metric", fast),
        optimizer: schema.add_text_field("optimizer", raw.clone()),
        status: schema.add_text_field("status", raw.clone()),
        experiment: schema.add_text_field("experiment", raw.clone()),
        tag: schema.add_text_field("tag", raw.set_fast("raw")),
        words: schema.add_text_field("words", indexed("words", IndexRecordOption::Basic)),
        parts: schema.add_text_field("parts", indexed("trigrams", IndexRecordOption::WithFreqsAndPositions)),
    };
    (schema.build(), fields)
}

fn with_tokenizers(index: Index) -> Index {
    index.tokenizers().register("words", TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).build());
    index.tokenizers().register("trigrams", TextAnalyzer::from(Trigrams));
    index
}

pub(super) fn load(folder: &Path, file: &Path) -> Result<()> {
    let (schema, fields) = schema();
    let by_time = IndexSortByField { field: "start_time".to_owned(), order: Order::Desc };
    let settings = IndexSettings { sort_by_field: Some(by_time), ..IndexSettings::default() };
    let index = with_tokenizers(Index::builder().schema(schema).settings(settings).create_in_dir(folder)?);
    let mut writer = index.writer_with_num_threads(1, 1 << 30)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let documents = redb::Database::create(folder.join("documents.redb"))?;
    let transaction = documents.begin_write()?;
    {
        let mut table = transaction.open_table(DOCUMENTS)?;
        let mut row = 0_u64;
        each_record(file, |record| {
            writer.add_document(document(&fields, row, &record))?;
            table.insert(row, serde_json::to_vec(&record)?.as_slice())?;
            row += 1;
            Ok(())
        })?;
    }
    transaction.commit()?;
    writer.commit()?;
    let segments = index.searchable_segment_ids()?;
    if segments.len() > 1 {
        writer.merge(&segments).wait()?;
    }
    writer.wait_merging_threads()?;
    Ok(())
}

fn document(fields: &Fields, row: u64, record: &Record) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_u64(fields.row, row);
    document.add_i64(fields.start_time, record.start_time);
    let metrics = [("accuracy", fields.accuracy), ("val_loss", fields.val_loss), ("rare_metric", fields.rare_metric)];
    for (key, field) in metrics {
        if let Some(number) = number(&record.metrics, key) {
            document.add_f64(field, number);
        }
    }
    let texts = [
        (text(&record.hyperparameters, "optimizer"), fields.optimizer),
        (text(&record.attributes, "status"), fields.status),
        (Some(record.experiment.as_str()), fields.experiment),
        (Some(record.description.as_str()), fields.words),
        (Some(record.description.as_str()), fields.parts),
    ];
    texts.into_iter().for_each(|(text, field)| text.into_iter().for_each(|text| document.add_text(field, text)));
    record.tags.iter().for_each(|tag| document.add_text(fields.tag, tag));
    document
}

pub(super) struct Tantivy {
    fields: Fields,
    searcher: Searcher,
    rows: Column<u64>,
    documents: ReadOnlyTable<u64, &'static [u8]>,
    _database: redb::Database,
}

impl Tantivy {
    pub(super) fn open(folder: &Path, cache_mib: usize) -> Result<Self> {
        let searcher = with_tokenizers(Index::open_in_dir(folder)?).reader()?.searcher();
        let [segment] = searcher.segment_readers() else { return Err("tantivy has not one segment".into()) };
        let rows = segment.fast_fields().u64("row")?;
        let database = redb::Builder::new().set_cache_size(cache_mib << 20).open(folder.join("documents.redb"))?;
        let documents = database.begin_read()?.open_table(DOCUMENTS)?;
        Ok(Tantivy { fields: schema().1, searcher, rows, documents, _database: database })
    }

    fn asked(&self, query: &Query) -> Box<dyn Asked> {
        let Fields { accuracy, rare_metric, optimizer, status, experiment, tag, words, parts, .. } = self.fields;
        let term = |field, text: &str| -> Box<dyn Asked> {
            Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
        };
        let above = |x: f64| -> Box<dyn Asked> {
            Box::new(RangeQuery::new(Bound::Excluded(Term::from_field_f64(accuracy, x)), Bound::Unbounded))
        };
        let all = |queries: Vec<Box<dyn Asked>>| -> Box<dyn Asked> { Box::new(BooleanQuery::intersection(queries)) };
        let has_rare = || -> Box<dyn Asked> { Box::new(ExistsQuery::new("rare_metric".to_owned(), false)) };
        match query {
            Query::Loss | Query::From { .. } => Box::new(AllQuery),
            Query::LossIn { experiment: name } => term(experiment, name),
            Query::Above { x } | Query::TagsAbove { x } => above(*x),
            Query::Three { optimizer: name, x, tag: of } => all(vec![term(optimizer, name), above(*x), term(tag, of)]),
            Query::Absent => {
                Box::new(BooleanQuery::new(vec![(Occur::Must, Box::new(AllQuery)), (Occur::MustNot, has_rare())]))
            }
            Query::Other { v } => {
                let bound = || Bound::Included(Term::from_field_f64(rare_metric, *v));
                let same = Box::new(RangeQuery::new(bound(), bound()));
                Box::new(BooleanQuery::new(vec![(Occur::Must, has_rare()), (Occur::MustNot, same)]))
            }
            Query::Word { word } => term(words, word),
            Query::Part { part } => {
                let mut terms: Vec<Term> = Vec::new();
                let mut trigrams = Trigrams.token_stream(part);
                trigrams.process(&mut |token| terms.push(Term::from_field_text(parts, &token.text)));
                match terms.as_slice() {
                    [one] => Box::new(TermQuery::new(one.clone(), IndexRecordOption::Basic)),
                    _ => Box::new(PhraseQuery::new(terms)),
                }
            }
            Query::Status { optimizer: name, x, status: of } => {
                all(vec![term(optimizer, name), above(*x), term(status, of)])
            }
        }
    }

    /// The documents of a page by a fast field.
    fn top(&self, query: &Query, asked: &dyn Asked) -> Result<Vec<u32>> {
        let top = TopDocs::with_limit(PAGE).and_offset(query.offset());
        let order = if query.is_descending() { Order::Desc } else { Order::Asc };
        Ok(if query.is_by_loss() {
            let found = self.searcher.search(asked, &top.order_by_fast_field::<f64>("val_loss", order))?;
            found.into_iter().map(|(_, document)| document.doc_id).collect()
        } else {
            let found = self.searcher.search(asked, &top.order_by_fast_field::<i64>("start_time", order))?;
            found.into_iter().map(|(_, document)| document.doc_id).collect()
        })
    }

    /// How many documents have each tag.
    fn tags(&self, asked: &dyn Asked) -> Result<Answer> {
        let segment = self.searcher.segment_reader(0);
        let tags = segment.fast_fields().str("tag")?.ok_or("there is no column of tags")?;
        let mut counts = vec![0_u64; tags.num_terms()];
        let weight = asked.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        let mut scorer = weight.scorer(segment, 1.0)?;
        while scorer.doc() != TERMINATED {
            tags.term_ords(scorer.doc()).for_each(|tag| counts[tag as usize] += 1);
            scorer.advance();
        }
        let mut found = Tags::new();
        for (tag, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
            let mut name = String::new();
            tags.ord_to_str(tag, &mut name)?;
            found.insert(name, count);
        }
        Ok(Answer::Tags(found))
    }

    /// The documents of a page by their own order, which is that of time, the newest first.
    fn first(&self, query: &Query, asked: &dyn Asked) -> Result<Vec<u32>> {
        let segment = self.searcher.segment_reader(0);
        if let Query::From { offset, descending } = query {
            let (offset, page) = (u32::try_from(*offset)?, u32::try_from(PAGE)?);
            let last = segment.max_doc();
            let end = (offset + page).min(last);
            return Ok((offset..end).map(|at| if *descending { at } else { last - 1 - at }).collect());
        }
        let weight = asked.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        let mut scorer = weight.scorer(segment, 1.0)?;
        let mut found = Vec::with_capacity(PAGE);
        while found.len() < PAGE && scorer.doc() != TERMINATED {
            found.push(scorer.doc());
            scorer.advance();
        }
        Ok(found)
    }
}

impl Engine for Tantivy {
    fn peer(&self) -> Option<&'static str> {
        Some("tantivy")
    }

    fn ways(&self, query: &Query) -> Vec<Way> {
        if matches!(query, Query::TagsAbove { .. }) {
            return Way::by(FACETS, &[""]);
        }
        let pages = match query {
            Query::Status { .. } => Vec::new(),
            _ if query.is_by_loss() => Way::by(OWNED, &[TOP]),
            _ => Way::by(OWNED, &[TOP, SORTED]),
        };
        [Way::by(COUNT, &[""]), pages].concat()
    }

    fn ask(&mut self, way: Way, query: &Query) -> Result<Answer> {
        let asked = self.asked(query);
        if way.what == COUNT {
            return Ok(Answer::Count(asked.count(&self.searcher)?.try_into()?));
        }
        if way.what == FACETS {
            return self.tags(asked.as_ref());
        }
        let found = if way.plan == SORTED { self.first(query, &asked)? } else { self.top(query, &asked)? };
        let runs = found.into_iter().map(|document| -> Result<Record> {
            let row = self.rows.first(document).ok_or("a document has no row")?;
            let bytes = self.documents.get(row)?.ok_or("a row has no document")?;
            Ok(serde_json::from_slice(bytes.value())?)
        });
        Ok(page(query, &runs.collect::<Result<Vec<_>>>()?))
    }
}
