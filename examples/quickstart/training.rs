//! The machine learning: a data set, a grid of models, cross-validation. Nothing here knows of the store.

use modeldb::KeyValue;
use serde::{Deserialize, Serialize};
use smartcore::dataset::digits;
use smartcore::ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters};
use smartcore::error::Failed;
use smartcore::linalg::basic::arrays::{Array1, Array2};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::metrics::accuracy;
use smartcore::metrics::distance::euclidian::Euclidian;
use smartcore::metrics::distance::manhattan::Manhattan;
use smartcore::model_selection::{BaseKFold, KFold};
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};
use smartcore::tree::decision_tree_classifier::{DecisionTreeClassifier, DecisionTreeClassifierParameters};

/// 1,797 images of handwritten digits, 8 by 8 pixels each.
pub(crate) struct Digits {
    images: DenseMatrix<f32>,
    labels: Vec<u32>,
    /// Where the data is from.
    pub(crate) source: String,
}

impl Digits {
    pub(crate) fn load() -> Self {
        let data = digits::load_dataset();
        let images = DenseMatrix::from_iterator(data.data.into_iter(), data.num_samples, data.num_features, 0);
        // The labels are the digits 0 to 9, as floats.
        let labels = data.target.into_iter().map(|label| label as u32).collect();
        Digits { images, labels, source: data.description }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Which images to train on and which to test with, `count` times. Each image is in one test.
    pub(crate) fn folds(&self, count: usize, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
        KFold::default().with_n_splits(count).with_shuffle(true).with_seed(Some(seed)).split(&self.images).collect()
    }
}

/// A model that has not been trained yet.
pub(crate) enum Candidate {
    Forest { trees: u16, max_depth: u16, features: usize },
    Neighbors { k: usize, manhattan: bool },
    Tree { max_depth: u16, min_samples_leaf: usize },
}

/// 50 candidates of three families. Nobody can be trained to ask 0 neighbors: such runs fail.
pub(crate) fn grid() -> Vec<Candidate> {
    let mut grid = Vec::new();
    for trees in [10, 20, 40] {
        for max_depth in [4, 8, 12] {
            grid.extend([4, 8].map(|features| Candidate::Forest { trees, max_depth, features }));
        }
    }
    for k in [0, 1, 2, 3, 4, 5, 7, 9] {
        grid.extend([false, true].map(|manhattan| Candidate::Neighbors { k, manhattan }));
    }
    for max_depth in [4, 6, 8, 10] {
        grid.extend([1, 2, 4, 8].map(|min_samples_leaf| Candidate::Tree { max_depth, min_samples_leaf }));
    }
    grid
}

impl Candidate {
    pub(crate) fn family(&self) -> &'static str {
        match self {
            Candidate::Forest { .. } => "random-forest",
            Candidate::Neighbors { .. } => "nearest-neighbors",
            Candidate::Tree { .. } => "decision-tree",
        }
    }

    /// What it does, in a sentence.
    pub(crate) fn description(&self) -> String {
        match self {
            Candidate::Forest { trees, max_depth, features } => {
                format!("The majority of {trees} trees of depth {max_depth}, which choose from {features} pixels.")
            }
            Candidate::Neighbors { k, manhattan: true } => format!("The {k} nearest images, as a taxi drives."),
            Candidate::Neighbors { k, manhattan: false } => format!("The {k} nearest images, as the crow flies."),
            Candidate::Tree { max_depth, min_samples_leaf } => {
                format!("One tree of depth {max_depth}, with {min_samples_leaf} images or more in a leaf.")
            }
        }
    }

    pub(crate) fn hyperparameters(&self) -> Vec<KeyValue> {
        match *self {
            Candidate::Forest { trees, max_depth, features } => vec![
                KeyValue::new("trees", trees),
                KeyValue::new("max_depth", max_depth),
                KeyValue::new("features", i64::try_from(features).ok()),
            ],
            Candidate::Neighbors { k, manhattan } => vec![
                KeyValue::new("k", i64::try_from(k).ok()),
                KeyValue::new("distance", if manhattan { "manhattan" } else { "euclidean" }),
            ],
            Candidate::Tree { max_depth, min_samples_leaf } => vec![
                KeyValue::new("max_depth", max_depth),
                KeyValue::new("min_samples_leaf", i64::try_from(min_samples_leaf).ok()),
            ],
        }
    }

    /// A name made of the hyperparameters, like `trees=40 max_depth=12`.
    pub(crate) fn name(&self) -> String {
        let pairs = self.hyperparameters();
        let pairs = pairs.iter().map(|pair| match pair.value.as_str() {
            Some(text) => format!("{}={text}", pair.key),
            None => format!("{}={}", pair.key, pair.value),
        });
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// Trains on some images.
    pub(crate) fn train(&self, digits: &Digits, on: &[usize]) -> Result<Model, Failed> {
        let (images, labels) = (digits.images.take(on, 0), digits.labels.take(on));
        Ok(match *self {
            Candidate::Forest { trees, max_depth, features } => {
                let parameters = RandomForestClassifierParameters::default()
                    .with_n_trees(trees)
                    .with_max_depth(max_depth)
                    .with_m(features);
                Model::Forest(RandomForestClassifier::fit(&images, &labels, parameters)?)
            }
            Candidate::Neighbors { k, manhattan: false } => {
                let parameters = KNNClassifierParameters::default().with_k(k);
                Model::Euclidean(KNNClassifier::fit(&images, &labels, parameters)?)
            }
            Candidate::Neighbors { k, manhattan: true } => {
                let parameters = KNNClassifierParameters::default().with_k(k).with_distance(Manhattan::new());
                Model::Manhattan(KNNClassifier::fit(&images, &labels, parameters)?)
            }
            Candidate::Tree { max_depth, min_samples_leaf } => {
                let parameters = DecisionTreeClassifierParameters::default()
                    .with_max_depth(max_depth)
                    .with_min_samples_leaf(min_samples_leaf);
                Model::Tree(DecisionTreeClassifier::fit(&images, &labels, parameters)?)
            }
        })
    }
}

/// A model that was trained. Its bytes can be kept.
#[derive(Serialize, Deserialize)]
pub(crate) enum Model {
    Forest(RandomForestClassifier<f32, u32, Images, Vec<u32>>),
    Euclidean(KNNClassifier<f32, u32, Images, Vec<u32>, Euclidian<f32>>),
    Manhattan(KNNClassifier<f32, u32, Images, Vec<u32>, Manhattan<f32>>),
    Tree(DecisionTreeClassifier<f32, u32, Images, Vec<u32>>),
}

type Images = DenseMatrix<f32>;

impl Model {
    /// Which part of some images it reads correctly.
    pub(crate) fn score(&self, digits: &Digits, on: &[usize]) -> Result<f64, Failed> {
        let (images, truth) = (digits.images.take(on, 0), digits.labels.take(on));
        let answers: Vec<u32> = match self {
            Model::Forest(model) => model.predict(&images)?,
            Model::Euclidean(model) => model.predict(&images)?,
            Model::Manhattan(model) => model.predict(&images)?,
            Model::Tree(model) => model.predict(&images)?,
        };
        Ok(accuracy(&truth, &answers))
    }
}

/// The mean, and the standard deviation of a sample.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}
