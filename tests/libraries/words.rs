//! What the text index leans on in tantivy.

use std::collections::BTreeSet;

use tantivy::collector::{Count, DocSetCollector};
use tantivy::directory::RamDirectory;
use tantivy::query::{FuzzyTermQuery, PhraseQuery, TermQuery};
use tantivy::schema::{INDEXED, IndexRecordOption, STORED, STRING, Schema, TEXT};
use tantivy::{Directory, Index, IndexWriter, TantivyDocument, Term, doc};

fn payload(index: &Index) -> Option<String> {
    index.load_metas().unwrap().payload
}

/// The mark comes with the commit, is kept by merges, and is lost by a commit without one: ours always have one.
#[test]
fn a_payload_is_part_of_its_commit() {
    let mut schema = Schema::builder();
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for word in ["one", "two"] {
        writer.add_document(doc!(text => word)).unwrap();
        let mut prepared = writer.prepare_commit().unwrap();
        prepared.set_payload(word);
        prepared.commit().unwrap();
        assert_eq!(payload(&index).as_deref(), Some(word));
    }
    let segments = index.searchable_segment_ids().unwrap();
    assert_eq!(segments.len(), 2);
    writer.merge(&segments).wait().unwrap();
    assert_eq!(index.searchable_segment_ids().unwrap().len(), 1);
    assert_eq!(payload(&index).as_deref(), Some("two"));
    // Nothing but a mark moves the mark.
    let mut prepared = writer.prepare_commit().unwrap();
    prepared.set_payload("three");
    prepared.commit().unwrap();
    assert_eq!(payload(&index).as_deref(), Some("three"));
    writer.commit().unwrap();
    assert_eq!(payload(&index), None);
}

/// A purge is a merge of what has deleted documents: their files go, and no new one has their words.
#[test]
fn a_merge_leaves_out_what_was_deleted_and_its_files_go() {
    let mut schema = Schema::builder();
    let row = schema.add_u64_field("row", INDEXED);
    let text = schema.add_text_field("text", TEXT);
    let directory = RamDirectory::create();
    let index = Index::create(directory.clone(), schema.build(), tantivy::IndexSettings::default()).unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    writer.add_document(doc!(row => 1_u64, text => "kept")).unwrap();
    writer.add_document(doc!(row => 2_u64, text => "xyzzymarker")).unwrap();
    writer.commit().unwrap();
    let before: BTreeSet<_> = index.directory().list_managed_files().into_iter().collect();
    writer.delete_term(Term::from_field_u64(row, 2));
    writer.commit().unwrap();
    assert!(index.searchable_segment_metas().unwrap()[0].has_deletes());
    writer.merge(&index.searchable_segment_ids().unwrap()).wait().unwrap();
    writer.garbage_collect_files().wait().unwrap();
    assert!(!index.searchable_segment_metas().unwrap()[0].has_deletes());
    let after: BTreeSet<_> = index.directory().list_managed_files().into_iter().collect();
    let old: Vec<_> = before.intersection(&after).filter(|path| path.extension().is_some()).collect();
    assert!(old.iter().all(|path| path.ends_with("meta.json")), "{old:?}");
    for path in after {
        let bytes = match directory.open_read(&path) {
            Ok(file) => file.read_bytes().unwrap().to_vec(),
            Err(_) => continue,
        };
        for marker in [&b"xyzzymarker"[..], b"rekramyzzyx"] {
            assert!(!bytes.windows(marker.len()).any(|window| window == marker), "{}", path.display());
        }
    }
    assert_eq!(index.reader().unwrap().searcher().num_docs(), 1);
}

/// Deletions and additions of one row in one batch happen in their order.
#[test]
fn the_last_addition_of_a_row_is_what_stays() {
    let mut schema = Schema::builder();
    let row = schema.add_u64_field("row", INDEXED);
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for word in ["a", "b", "c"] {
        writer.delete_term(Term::from_field_u64(row, 7));
        writer.add_document(doc!(row => 7_u64, text => word)).unwrap();
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let count = |word| {
        let query = TermQuery::new(Term::from_field_text(text, word), IndexRecordOption::Basic);
        searcher.search(&query, &Count).unwrap()
    };
    assert_eq!([count("a"), count("b"), count("c")], [0, 0, 1]);
}

/// A phrase never reaches from one value of a field into the next.
#[test]
fn values_of_a_field_have_a_gap_between() {
    let mut schema = Schema::builder();
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    let mut document = TantivyDocument::default();
    for value in ["a b", "c", "", "d e"] {
        document.add_text(text, value);
    }
    writer.add_document(document).unwrap();
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let count = |words: [&str; 2]| {
        let terms = words.iter().map(|word| Term::from_field_text(text, word)).collect();
        searcher.search(&PhraseQuery::new(terms), &Count).unwrap()
    };
    assert_eq!([count(["a", "b"]), count(["d", "e"])], [1, 1]);
    assert_eq!([count(["b", "c"]), count(["c", "d"])], [0, 0]);
}

/// Near misses are counted by optimal string alignment, in characters.
#[test]
fn fuzzy_terms_are_optimal_string_alignment() {
    let mut schema = Schema::builder();
    let text = schema.add_text_field("text", STRING | STORED);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    // With edits of what was swapped, "ca" would be two edits from "abc".
    for word in ["abc", "ac", "acb", "cab", "\u{e9}a", "bca"] {
        writer.add_document(doc!(text => word)).unwrap();
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let found = |edits| {
        let query = FuzzyTermQuery::new(Term::from_field_text(text, "ca"), edits, true);
        searcher.search(&query, &DocSetCollector).unwrap().len()
    };
    // "ac", "cab", "\u{e9}a", "bca"; and "acb".
    assert_eq!([found(1), found(2)], [4, 5]);
}

/// Terms that are too long are dropped without a word; ours are shorter.
#[test]
fn terms_past_the_longest_are_dropped() {
    let mut schema = Schema::builder();
    let text = schema.add_text_field("text", STRING);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    let long = ["x".repeat(65_530), "x".repeat(65_531)];
    for word in &long {
        writer.add_document(doc!(text => word.as_str())).unwrap();
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let count = |word: &str| {
        let query = TermQuery::new(Term::from_field_text(text, word), IndexRecordOption::Basic);
        searcher.search(&query, &Count).unwrap()
    };
    assert_eq!([count(&long[0]), count(&long[1])], [1, 0]);
}

/// A list of documents is entered at any of them, and goes on from there to its end.
#[test]
fn postings_are_read_from_a_document_on() {
    let mut schema = Schema::builder();
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for number in 0..3000 {
        writer.add_document(doc!(text => if number % 3 == 0 { "third" } else { "other" })).unwrap();
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let index = searcher.segment_readers()[0].inverted_index(text).unwrap();
    let info = index.terms().get("third").unwrap().unwrap();
    assert_eq!(info.doc_freq, 1000);
    let mut postings = index.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic).unwrap();
    for target in [0, 1, 383, 384, 385, 1200, 1201, 2996, 2997] {
        let at = postings.seek(target);
        assert_eq!(postings.docs()[at], target.div_ceil(3) * 3, "{target}");
    }
    assert_eq!(postings.docs().last(), Some(&2997));
    for target in [2998, 5000] {
        let at = postings.seek(target);
        assert!(postings.docs().len() <= at, "{target}");
    }
    postings.advance();
    assert!(postings.docs().is_empty());
}

/// The library's count of a word is of all documents that a part of the index was made with, deleted or not.
#[test]
fn words_of_deleted_documents_are_counted_until_a_merge() {
    let mut schema = Schema::builder();
    let row = schema.add_u64_field("row", INDEXED);
    let text = schema.add_text_field("text", TEXT);
    let index = Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for number in 0..3_u64 {
        writer.add_document(doc!(row => number, text => "word word")).unwrap();
    }
    writer.commit().unwrap();
    let count = || {
        let searcher = index.reader().unwrap().searcher();
        let part = &searcher.segment_readers()[0];
        let info = part.inverted_index(text).unwrap().terms().get("word").unwrap().unwrap();
        (info.doc_freq, part.alive_bitset().is_some())
    };
    assert_eq!(count(), (3, false));
    writer.delete_term(Term::from_field_u64(row, 1));
    writer.commit().unwrap();
    assert_eq!(count(), (3, true));
    writer.merge(&index.searchable_segment_ids().unwrap()).wait().unwrap();
    assert_eq!(count(), (2, false));
}
