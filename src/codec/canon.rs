//! Deterministic CBOR (RFC 8949, 4.2.1): shortest lengths and numbers, definite lengths, sorted keys.
//!
//! Structs are maps from field numbers to values; a field that holds its default is left out, so that
//! fields can be added without touching old bytes. A text of more than [`limits::INLINE_BYTES`] is
//! replaced by its SHA-256 digest under [`LARGE_TAG`] and kept beside the encoding.

use std::collections::BTreeMap;

use minicbor::data::{Tag, Type};
use minicbor::{Decoder as Reader, Encoder as Writer};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::limits;
use crate::value::{self, Value};

/// A SHA-256 digest.
pub(crate) type Digest = [u8; 32];

/// Tag of `[digest, length]`, standing for a text that is stored by digest.
const LARGE_TAG: u64 = 28_004;

/// SHA-256 of the concatenation of `parts`.
pub(crate) fn digest(parts: &[&[u8]]) -> Digest {
    let mut digester = Digester::default();
    parts.iter().for_each(|part| digester.update(part));
    digester.finish()
}

/// A SHA-256 digest of what comes piece by piece.
#[derive(Default)]
pub(crate) struct Digester(Sha256);

impl Digester {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

/// Why bytes do not decode. Turned into [`Error`] by whoever knows where the bytes stood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("not the expected CBOR: {0}")]
    Cbor(#[from] minicbor::decode::Error),
    #[error("{what} has no code {code}")]
    Code { what: &'static str, code: u64 },
    #[error("{what} has no field {field}")]
    Field { what: &'static str, field: u64 },
    #[error("a value is nested too deep")]
    Depth,
    #[error("{0}")]
    Other(&'static str),
    #[error(transparent)]
    Value(Error),
}

impl DecodeError {
    /// The error of the caller, who was reading `what`.
    pub(crate) fn at(self, what: impl std::fmt::Display) -> Error {
        match self {
            DecodeError::Value(error) => error.context(what),
            other => Error::corrupt(format!("reading {what}: {other}")).with_source(other),
        }
    }
}

pub(crate) type DecodeResult<T> = Result<T, DecodeError>;

/// Where texts that are stored by digest come from.
pub(crate) trait Texts {
    /// The bytes of `digest`.
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>>;
}

/// For encodings that hold no text by digest.
pub(crate) struct NoTexts;

impl Texts for NoTexts {
    fn text(&self, _: &Digest, _: u64) -> Result<Vec<u8>> {
        Err(Error::corrupt("a text by digest where none is allowed"))
    }
}

/// Writes canonical CBOR into memory.
pub(crate) struct Encoder {
    writer: Writer<Vec<u8>>,
    /// Texts stored by digest, met so far.
    pub(crate) large: Vec<(Digest, Vec<u8>)>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Encoder { writer: Writer::new(Vec::new()), large: Vec::new() }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_writer()
    }

    pub(crate) fn bytes_so_far(&self) -> &[u8] {
        self.writer.writer()
    }

    /// Forgets the bytes so far, and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.writer.writer_mut().clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.writer.writer().len()
    }

    pub(crate) fn array(&mut self, len: usize) -> &mut Self {
        infallible(self.writer.array(len as u64));
        self
    }

    pub(crate) fn map(&mut self, len: usize) -> &mut Self {
        infallible(self.writer.map(len as u64));
        self
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        infallible(self.writer.u64(value));
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        infallible(self.writer.i64(value));
        self
    }

    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        infallible(self.writer.bool(value));
        self
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        infallible(self.writer.null());
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        infallible(self.writer.bytes(bytes));
        self
    }

    /// A short text: one that is never stored by digest.
    pub(crate) fn short_text(&mut self, text: &str) -> &mut Self {
        infallible(self.writer.str(text));
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        if text.len() <= limits::INLINE_BYTES {
            return self.short_text(text);
        }
        let digest = digest(&[text.as_bytes()]);
        self.large.push((digest, text.as_bytes().to_vec()));
        infallible(self.writer.tag(Tag::new(LARGE_TAG)));
        self.array(2).bytes(&digest).uint(text.len() as u64)
    }

    /// The shortest of the three widths that keeps the number.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn float(&mut self, float: f64) -> &mut Self {
        let float = value::canonical(float);
        let single = float as f32;
        if float.is_nan() {
            infallible(self.writer.f16(f32::NAN));
        } else if f64::from(single).to_bits() != float.to_bits() {
            infallible(self.writer.f64(float));
        } else {
            // Halves have 10 bits of fraction and exponents from -24 to 15: most doubles are told
            // apart by the low bits alone, before anything is converted.
            let half = (single.to_bits() & 0x1fff == 0 || single.abs() < 6.2e-5).then(|| half_exact(single));
            match half {
                Some(true) => infallible(self.writer.f16(single)),
                _ => infallible(self.writer.f32(single)),
            }
        }
        self
    }
}

/// Whether a half holds `single` exactly.
fn half_exact(single: f32) -> bool {
    let mut probe = Writer::new([0_u8; 3].as_mut_slice().to_vec());
    probe.writer_mut().clear();
    infallible(probe.f16(single));
    let bytes = probe.into_writer();
    Reader::new(&bytes).f16().is_ok_and(|back| back.to_bits() == single.to_bits())
}

fn infallible<T, E: std::fmt::Debug>(result: Result<T, E>) {
    debug_assert!(result.is_ok(), "writing to memory cannot fail: {:?}", result.err());
}

/// Reads canonical CBOR.
pub(crate) struct Decoder<'a> {
    reader: Reader<'a>,
    texts: &'a dyn Texts,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8], texts: &'a dyn Texts) -> Self {
        Decoder { reader: Reader::new(bytes), texts }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.reader.position() >= self.reader.input().len()
    }

    /// Decodes a whole input of one `T`.
    pub(crate) fn whole<T: Canon>(bytes: &'a [u8], texts: &'a dyn Texts) -> DecodeResult<T> {
        let mut decoder = Decoder::new(bytes, texts);
        let value = T::decode(&mut decoder)?;
        decoder.done()?;
        Ok(value)
    }

    pub(crate) fn done(&self) -> DecodeResult<()> {
        if self.is_done() { Ok(()) } else { Err(DecodeError::Other("bytes are left over")) }
    }

    pub(crate) fn array(&mut self) -> DecodeResult<u64> {
        self.reader.array()?.ok_or(DecodeError::Other("an array of indefinite length"))
    }

    /// An array of exactly `len`.
    pub(crate) fn array_of(&mut self, len: u64) -> DecodeResult<()> {
        if self.array()? == len { Ok(()) } else { Err(DecodeError::Other("an array of another length")) }
    }

    pub(crate) fn map(&mut self) -> DecodeResult<u64> {
        self.reader.map()?.ok_or(DecodeError::Other("a map of indefinite length"))
    }

    pub(crate) fn uint(&mut self) -> DecodeResult<u64> {
        Ok(self.reader.u64()?)
    }

    pub(crate) fn int(&mut self) -> DecodeResult<i64> {
        Ok(self.reader.i64()?)
    }

    pub(crate) fn bool(&mut self) -> DecodeResult<bool> {
        Ok(self.reader.bool()?)
    }

    pub(crate) fn bytes(&mut self) -> DecodeResult<&'a [u8]> {
        Ok(self.reader.bytes()?)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> DecodeResult<[u8; N]> {
        self.bytes()?.try_into().map_err(|_| DecodeError::Other("bytes of another length"))
    }

    /// Steps over a null, if one stands here.
    pub(crate) fn null(&mut self) -> DecodeResult<bool> {
        if self.reader.datatype()? != Type::Null {
            return Ok(false);
        }
        self.reader.null()?;
        Ok(true)
    }

    pub(crate) fn short_text(&mut self) -> DecodeResult<&'a str> {
        Ok(self.reader.str()?)
    }

    pub(crate) fn text(&mut self) -> DecodeResult<String> {
        if self.reader.datatype()? != Type::Tag {
            return Ok(self.reader.str()?.to_owned());
        }
        if self.reader.tag()?.as_u64() != LARGE_TAG {
            return Err(DecodeError::Other("an unknown tag"));
        }
        self.array_of(2)?;
        let digest = self.fixed()?;
        let len = self.uint()?;
        let bytes = self.texts.text(&digest, len).map_err(DecodeError::Value)?;
        String::from_utf8(bytes).map_err(|_| DecodeError::Other("a stored text is not UTF-8"))
    }

    /// Steps over one item, remembering the texts it names.
    fn skip(&mut self, depth: usize, named: &mut Vec<Digest>) -> DecodeResult<()> {
        // Values stand in structs, in lists of structs.
        if depth > limits::VALUE_DEPTH + 16 {
            return Err(DecodeError::Depth);
        }
        let items = match self.reader.datatype()? {
            Type::Array => self.array()?,
            Type::Map => self.map()?.saturating_mul(2),
            Type::Tag => {
                self.reader.tag()?;
                self.array_of(2)?;
                named.push(self.fixed()?);
                1
            }
            _ => {
                self.reader.skip()?;
                0
            }
        };
        (0..items).try_for_each(|_| self.skip(depth + 1, named))
    }

    pub(crate) fn float(&mut self) -> DecodeResult<f64> {
        match self.value(1)? {
            Value::Float(float) => Ok(float),
            _ => Err(DecodeError::Other("no double")),
        }
    }

    fn value(&mut self, depth: usize) -> DecodeResult<Value> {
        if depth > limits::VALUE_DEPTH {
            return Err(DecodeError::Depth);
        }
        Ok(match self.reader.datatype()? {
            Type::Null => {
                self.reader.null()?;
                Value::Null
            }
            Type::Bool => Value::Bool(self.reader.bool()?),
            Type::F16 => Value::Float(f64::from(self.reader.f16()?)),
            Type::F32 => Value::Float(f64::from(self.reader.f32()?)),
            Type::F64 => Value::Float(self.reader.f64()?),
            Type::String | Type::Tag => Value::String(self.text()?),
            Type::Array => {
                let len = self.array()?;
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(self.value(depth + 1)?);
                }
                Value::List(items)
            }
            Type::Map => {
                let len = self.map()?;
                let mut map = BTreeMap::new();
                for _ in 0..len {
                    let key = self.text()?;
                    map.insert(key, self.value(depth + 1)?);
                }
                Value::Map(map)
            }
            _ => Value::Int(self.reader.i64()?),
        })
    }
}

/// The texts that an encoding names by digest, as often as it names them; none of them is read.
pub(crate) fn named_texts(bytes: &[u8]) -> DecodeResult<Vec<Digest>> {
    let mut named = Vec::new();
    let mut from = Decoder::new(bytes, &NoTexts);
    from.skip(0, &mut named)?;
    from.done()?;
    Ok(named)
}

/// What has a canonical encoding.
pub(crate) trait Canon: Sized {
    fn encode(&self, to: &mut Encoder);
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self>;
    /// Left out of structs.
    fn is_default(&self) -> bool;
}

/// The canonical bytes of `value`, and the texts it refers to by digest.
pub(crate) fn encode<T: Canon>(value: &T) -> (Vec<u8>, Vec<(Digest, Vec<u8>)>) {
    let mut encoder = Encoder::new();
    value.encode(&mut encoder);
    (encoder.writer.into_writer(), encoder.large)
}

macro_rules! canon_as {
    ($($ty:ty: $encode:ident / $decode:ident, $default:expr;)*) => {
        $(impl Canon for $ty {
            fn encode(&self, to: &mut Encoder) { to.$encode((*self).into()); }
            fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
                <$ty>::try_from(from.$decode()?).map_err(|_| DecodeError::Other("a number out of range"))
            }
            fn is_default(&self) -> bool { *self == $default }
        })*
    };
}

canon_as! {
    bool: bool / bool, false;
    u32: uint / uint, 0;
    u64: uint / uint, 0;
    i32: int / int, 0;
    i64: int / int, 0;
}

impl Canon for String {
    fn encode(&self, to: &mut Encoder) {
        to.text(self);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.text()
    }
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Canon> Canon for Vec<T> {
    fn encode(&self, to: &mut Encoder) {
        to.array(self.len());
        for item in self {
            item.encode(to);
        }
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.array()?;
        // No capacity from the length: a damaged one would ask for all memory.
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(T::decode(from)?);
        }
        Ok(items)
    }
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Canon> Canon for Option<T> {
    fn encode(&self, to: &mut Encoder) {
        match self {
            Some(value) => value.encode(to),
            None => {
                to.null();
            }
        }
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        if from.null()? { Ok(None) } else { Ok(Some(T::decode(from)?)) }
    }
    fn is_default(&self) -> bool {
        self.is_none()
    }
}

/// Map keys in the bytewise order of their encodings: by length, then by bytes; behind them those that stand as digests.
fn canonical_order<T>(map: &BTreeMap<String, T>) -> Vec<(&String, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    let is_large = |key: &str| key.len() > limits::INLINE_BYTES;
    entries.sort_by_cached_key(|(key, _)| (is_large(key).then(|| digest(&[key.as_bytes()])), key.len()));
    entries
}

impl<T: Canon> Canon for BTreeMap<String, T> {
    fn encode(&self, to: &mut Encoder) {
        to.map(self.len());
        for (key, value) in canonical_order(self) {
            to.text(key);
            value.encode(to);
        }
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.map()?;
        let mut map = BTreeMap::new();
        for _ in 0..len {
            let key = from.text()?;
            map.insert(key, T::decode(from)?);
        }
        Ok(map)
    }
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl Canon for Value {
    fn encode(&self, to: &mut Encoder) {
        match self {
            Value::Null => to.null(),
            Value::Bool(bool) => to.bool(*bool),
            Value::Int(int) => to.int(*int),
            Value::Float(float) => to.float(*float),
            Value::String(text) => to.text(text),
            Value::List(items) => {
                items.encode(to);
                to
            }
            Value::Map(map) => {
                map.encode(to);
                to
            }
        };
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.value(1)
    }
    fn is_default(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// `Canon` for a struct: a map from field numbers, defaults left out.
macro_rules! canon_struct {
    ($ty:ident { $($number:literal: $field:ident),+ $(,)? }) => {
        impl $crate::codec::canon::Canon for $ty {
            fn encode(&self, to: &mut $crate::codec::canon::Encoder) {
                $crate::codec::canon::CanonFields::encode_from(self, to, 0);
            }
            fn decode(from: &mut $crate::codec::canon::Decoder<'_>) -> $crate::codec::canon::DecodeResult<Self> {
                let mut value = <$ty>::default();
                $crate::codec::canon::CanonFields::decode_into(&mut value, from)?;
                Ok(value)
            }
            fn is_default(&self) -> bool {
                $($crate::codec::canon::Canon::is_default(&self.$field))&&+
            }
        }
        impl $crate::codec::canon::CanonFields for $ty {
            fn encode_from(&self, to: &mut $crate::codec::canon::Encoder, first: u64) -> usize {
                use $crate::codec::canon::Canon as _;
                let count = 0 $(+ usize::from($number >= first && !self.$field.is_default()))+;
                to.map(count);
                $(if $number >= first && !self.$field.is_default() {
                    to.uint($number);
                    self.$field.encode(to);
                })+
                count
            }
            fn decode_into(&mut self, from: &mut $crate::codec::canon::Decoder<'_>) -> $crate::codec::canon::DecodeResult<()> {
                for _ in 0..from.map()? {
                    match from.uint()? {
                        $($number => self.$field = $crate::codec::canon::Canon::decode(from)?,)+
                        field => return Err($crate::codec::canon::DecodeError::Field { what: stringify!($ty), field }),
                    }
                }
                Ok(())
            }
        }
    };
}
pub(crate) use canon_struct;

/// The fields of a struct, so that a record can keep its frequent ones elsewhere.
pub(crate) trait CanonFields {
    /// Encodes the fields numbered `first` and above; answers how many there were.
    fn encode_from(&self, to: &mut Encoder, first: u64) -> usize;
    /// Decodes fields over the ones that are there.
    fn decode_into(&mut self, from: &mut Decoder<'_>) -> DecodeResult<()>;
}

/// `Canon` for an enum without payload: its number.
macro_rules! canon_enum {
    ($ty:ident { $($number:literal: $variant:ident),+ $(,)? }) => {
        impl $ty {
            #[allow(dead_code)]
            pub(crate) fn code(self) -> u8 {
                match self { $($ty::$variant => $number),+ }
            }
            #[allow(dead_code)]
            pub(crate) fn from_code(code: u64) -> Option<Self> {
                match code { $($number => Some($ty::$variant),)+ _ => None }
            }
        }
        impl $crate::codec::canon::Canon for $ty {
            fn encode(&self, to: &mut $crate::codec::canon::Encoder) { to.uint(u64::from(self.code())); }
            fn decode(from: &mut $crate::codec::canon::Decoder<'_>) -> $crate::codec::canon::DecodeResult<Self> {
                let code = from.uint()?;
                $ty::from_code(code).ok_or($crate::codec::canon::DecodeError::Code { what: stringify!($ty), code })
            }
            fn is_default(&self) -> bool { *self == $ty::default() }
        }
    };
}
pub(crate) use canon_enum;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: &Value) -> String {
        encode(value).0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn numbers_take_their_shortest_form() {
        // RFC 8949, appendix A.
        for (float, expected) in [
            (0.0, "f90000"),
            (-0.0, "f98000"),
            (1.0, "f93c00"),
            (1.1, "fb3ff199999999999a"),
            (65504.0, "f97bff"),
            (100_000.0, "fa47c35000"),
            (3.402_823_466_385_288_6e38, "fa7f7fffff"),
            (1.0e300, "fb7e37e43c8800759c"),
            (5.960_464_477_539_063e-8, "f90001"),
            (0.000_061_035_156_25, "f90400"),
            (f64::INFINITY, "f97c00"),
            (f64::NEG_INFINITY, "f9fc00"),
            (f64::NAN, "f97e00"),
            (-f64::NAN, "f97e00"),
        ] {
            assert_eq!(hex(&Value::Float(float)), expected, "{float}");
        }
        for (int, expected) in
            [(0, "00"), (-1, "20"), (24, "1818"), (1_000_000, "1a000f4240"), (i64::MIN, "3b7fffffffffffffff")]
        {
            assert_eq!(hex(&Value::Int(int)), expected, "{int}");
        }
    }

    #[test]
    fn map_keys_are_sorted_by_their_encodings() {
        let map = Value::Map([("b", 1), ("aa", 2), ("", 3)].map(|(key, int)| (key.to_owned(), Value::Int(int))).into());
        assert_eq!(hex(&map), "a3600361620162616102");
        // Behind them those that stand as digests, by that.
        let [short, long] = [limits::INLINE_BYTES, limits::INLINE_BYTES + 1].map(|len| "z".repeat(len));
        let others = ('a'..='p').map(|letter| letter.to_string().repeat(long.len() + 1));
        let keys: Vec<String> = others.chain([long.clone(), short.clone()]).collect();
        let map: BTreeMap<String, Value> = keys.iter().map(|key| (key.clone(), Value::Null)).collect();
        let encoding = hex(&Value::Map(map));
        let place = |key: &str| encoding.find(&hex(&Value::from(key))).unwrap();
        let mut sorted: Vec<(String, usize)> =
            keys.iter().map(|key| (hex(&Value::from(key.as_str())), place(key))).collect();
        sorted.sort();
        assert!(sorted.is_sorted_by(|one, next| one.1 < next.1));
        assert!(place(&short) < 10);
    }

    #[test]
    fn long_texts_are_kept_beside() {
        struct One(Vec<u8>);
        impl Texts for One {
            fn text(&self, _: &Digest, _: u64) -> Result<Vec<u8>> {
                Ok(self.0.clone())
            }
        }
        let long = Value::String("x".repeat(limits::INLINE_BYTES + 1));
        let (bytes, mut large) = encode(&long);
        assert!(bytes.len() < 50);
        let (key, text) = large.pop().unwrap();
        assert_eq!(key, digest(&[&text]));
        assert_eq!(Decoder::whole::<Value>(&bytes, &One(text)).unwrap(), long);
        assert!(Decoder::whole::<Value>(&bytes, &NoTexts).is_err());
    }
}
