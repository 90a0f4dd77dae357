//! Random names, keys, values and entities, with the awkward ones among them.

use std::collections::BTreeMap;

use modeldb::{
    Artifact, CodeVersion, DockerEnvironment, EntityKind, Environment, GroupId, NewExperiment, NewProject, NewRun,
    OwnerTracking, ProjectId, PythonEnvironment, PythonRequirement, RunId, SoftwareVersion, Timestamp, Value,
};

use super::plain::Wanted;
use crate::support::random::Random;

const WORDS: [&str; 12] = [
    "loss",
    "a.b.c",
    "path/to/it",
    "say \"hi\"",
    "two words",
    " edge ",
    "\u{1f40d}",
    "\u{e9}t\u{e9}",
    "`tick`",
    "0",
    "metrics.accuracy",
    "\u{0}nul\n",
];

pub(crate) fn word(random: &mut Random) -> String {
    let word = *random.pick(&WORDS);
    match random.below(4) {
        0 => word.to_owned(),
        1 => format!("{word}{}", random.below(8)),
        2 => format!("{word}/{}", random.below(64)),
        _ => format!("w{}", random.below(400)),
    }
}

/// A name: mostly short and often taken, sometimes empty, long or too long.
pub(crate) fn name(random: &mut Random) -> String {
    match random.below(40) {
        0 => String::new(),
        1 => "\u{1f40d}".repeat(256),
        2 => "x".repeat(257),
        3 => format!("{}{}", "long ".repeat(20), random.below(9)),
        4..=12 => word(random),
        _ => format!("name-{}", random.below(100_000)),
    }
}

pub(crate) fn key(random: &mut Random) -> String {
    match random.below(300) {
        0 => String::new(),
        1 => "k".repeat(5_000),
        _ => word(random),
    }
}

pub(crate) fn text(random: &mut Random) -> String {
    match random.below(24) {
        0 => String::new(),
        1 => long_text(random),
        // Around the length from which on texts are stored beside the record.
        2 => "y".repeat(4_090 + random.below(12)),
        _ => format!("{} {}", word(random), random.below(1_000)),
    }
}

fn long_text(random: &mut Random) -> String {
    let unit = format!("{}-{}|", word(random), random.below(50));
    unit.repeat(4_200 / unit.len() + random.below(400))
}

pub(crate) fn value(random: &mut Random, depth: usize) -> Value {
    let floats = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, 5e-324, 1e300];
    let ints = [i64::MIN, i64::MAX, (1 << 53) + 1, -(1 << 53) - 1, 0, -1, 1 << 32];
    match random.below(if depth < 3 { 24 } else { 20 }) {
        0 => Value::Null,
        1 => Value::Bool(random.percent(50)),
        2 | 3 => Value::Int(*random.pick(&ints)),
        4..=6 => Value::Int(random.between(-50, 50)),
        7 | 8 => Value::Float(*random.pick(&floats)),
        9..=13 => Value::Float(random.between(-1_000, 1_000) as f64 / 8.0),
        14..=18 => Value::String(word(random)),
        19 => Value::String(text(random)),
        20 | 21 => Value::List((0..random.below(4)).map(|_| value(random, depth + 1)).collect()),
        _ => {
            let mut map = BTreeMap::new();
            for _ in 0..random.below(4) {
                map.insert(word(random), value(random, depth + 1));
            }
            Value::Map(map)
        }
    }
}

/// A list in a list in a list, `depth` values deep.
pub(crate) fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]))
}

pub(crate) fn entries(random: &mut Random, most: usize) -> Vec<(String, Value)> {
    let mut entries: Vec<(String, Value)> = Vec::new();
    for _ in 0..random.below(most + 1) {
        let value = match random.below(400) {
            0 => nested(128),
            1 => nested(129),
            _ => value(random, 0),
        };
        let key = key(random);
        // A key twice is an error: wanted, but not often.
        if entries.iter().all(|(other, _)| *other != key) || random.one_in(20) {
            entries.push((key, value));
        }
    }
    entries
}

pub(crate) fn tags(random: &mut Random, most: usize) -> Vec<String> {
    (0..random.below(most + 1))
        .map(|_| match random.below(150) {
            0 => String::new(),
            1 => "\u{e9}".repeat(40),
            2 => "t".repeat(41),
            _ => word(random).chars().take(40).collect(),
        })
        .collect()
}

pub(crate) fn time(random: &mut Random) -> i64 {
    match random.below(6) {
        0 => 0,
        1 => random.between(-5_000, 5_000),
        2 => 4_000_000_000_000 + random.between(0, 1_000),
        _ => 1_700_000_000_000 + random.between(0, 100_000),
    }
}

pub(crate) fn code(random: &mut Random) -> CodeVersion {
    match random.below(4) {
        0 => CodeVersion::archive(artifact(random)),
        1 => CodeVersion::git(text(random), "abc").dirty(random.percent(50)),
        2 => CodeVersion::git("r", word(random)).filepath(word(random)).filepath("b").filepath("a"),
        _ => CodeVersion::git("https://host/repo.git", word(random)).date_logged(Timestamp::from_millis(time(random))),
    }
}

pub(crate) fn artifact(random: &mut Random) -> Artifact {
    let artifact = Artifact::new(key(random), text(random));
    if random.percent(30) { artifact.path_only() } else { artifact }
}

pub(crate) fn environment(random: &mut Random) -> Environment {
    let version =
        SoftwareVersion::new(3, random.below(14) as i32, -1).suffix(if random.percent(20) { "rc1" } else { "" });
    let mut environment = match random.below(3) {
        0 => Environment::new(),
        1 => Environment::docker(DockerEnvironment::new(word(random), "latest").sha(word(random))),
        _ => {
            let mut python = PythonEnvironment::new(version.clone()).raw_requirements(text(random));
            for _ in 0..random.below(5) {
                let requirement = PythonRequirement::new(word(random));
                python = python.requirement(requirement.version(">=", version.clone()));
                python = python.constraint(PythonRequirement::new(word(random)));
            }
            Environment::python(python)
        }
    };
    for _ in 0..random.below(3) {
        environment = environment.variable(word(random), text(random)).apt_package(word(random));
    }
    environment.command_line([word(random), word(random)])
}

/// What to create; mostly within the rules.
pub(crate) fn wanted(random: &mut Random, kind: EntityKind) -> Wanted {
    let mut wanted = Wanted { name: name(random), ..Wanted::default() };
    if random.percent(30) {
        wanted.description = text(random);
    }
    if random.percent(20) {
        wanted.id = match random.below(30) {
            0 => "i".repeat(5_000),
            1..=9 => word(random),
            _ => format!("given-{}", random.below(1_000_000)),
        };
    }
    if random.percent(25) {
        wanted.created = time(random);
    }
    if random.percent(40) {
        wanted.attributes = entries(random, 3);
        wanted.tags = tags(random, 3);
    }
    match random.below(12) {
        0 => wanted.owner = word(random),
        1 => wanted.owner_tracking = Some(OwnerTracking::Group(GroupId::new("org", word(random)))),
        2 => wanted.owner_tracking = Some(OwnerTracking::User(random.next())),
        _ => {}
    }
    if random.one_in(12) {
        wanted.artifacts = (0..random.below(3)).map(|_| artifact(random)).collect();
    }
    match kind {
        EntityKind::Project => {
            if random.percent(30) {
                wanted.workspace = (*random.pick(&["personal", "team", "\u{1f40d}"])).to_owned();
                wanted.readme = text(random);
            }
        }
        EntityKind::Experiment => {}
        _ => {
            if random.percent(60) {
                wanted.hyperparameters = entries(random, 5);
                wanted.metrics = entries(random, 5);
            }
            if random.one_in(6) {
                (wanted.start, wanted.end) = (time(random), time(random));
                wanted.code_version = text(random);
                wanted.parent = word(random);
                wanted.features = (0..random.below(4)).map(|_| key(random)).collect();
            }
            if random.one_in(8) {
                wanted.environment = Some(environment(random));
                wanted.code = Some(code(random));
            }
        }
    }
    wanted
}

macro_rules! common {
    ($new:expr, $wanted:ident, $id:ident) => {{
        let mut new = $new
            .name($wanted.name.clone())
            .description($wanted.description.clone())
            .date_created(Timestamp::from_millis($wanted.created))
            .attributes($wanted.attributes.iter().cloned())
            .tags($wanted.tags.iter().cloned())
            .owner($wanted.owner.clone());
        if !$wanted.id.is_empty() {
            new = new.id($id::new($wanted.id.as_str()).unwrap());
        }
        if let Some(tracking) = &$wanted.owner_tracking {
            new = new.owner_tracking(tracking.clone());
        }
        for artifact in &$wanted.artifacts {
            new = new.artifact(artifact.clone());
        }
        new
    }};
}

pub(crate) fn new_project(wanted: &Wanted) -> NewProject {
    common!(NewProject::new(), wanted, ProjectId).workspace(wanted.workspace.clone()).readme_text(wanted.readme.clone())
}

pub(crate) fn new_experiment(wanted: &Wanted) -> NewExperiment {
    use modeldb::ExperimentId;
    common!(NewExperiment::new(), wanted, ExperimentId)
}

pub(crate) fn new_run(wanted: &Wanted) -> NewRun {
    let mut new = common!(NewRun::new(), wanted, RunId)
        .hyperparameters(wanted.hyperparameters.iter().cloned())
        .metrics(wanted.metrics.iter().cloned())
        .start_time(Timestamp::from_millis(wanted.start))
        .end_time(Timestamp::from_millis(wanted.end))
        .code_version(wanted.code_version.clone());
    if !wanted.parent.is_empty() {
        new = new.parent(RunId::new(wanted.parent.as_str()).unwrap());
    }
    for feature in &wanted.features {
        new = new.feature(feature.clone());
    }
    if let Some(environment) = &wanted.environment {
        new = new.environment(environment.clone());
    }
    if let Some(code) = &wanted.code {
        new = new.code_version_snapshot(code.clone());
    }
    new
}
