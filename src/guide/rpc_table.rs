//! Each RPC of ModelDB's tracking services, and the call of this library that does it.
//!
//! For whoever ports a client, or writes a server. `w` of [`Store::write`](crate::Store::write) has the calls that
//! change something, a [`Snapshot`](crate::Snapshot) those that read. Singular, plural and "update" variants of an RPC
//! are one call here: `log_*` adds and refuses what is there, `set_*` replaces, `delete_*` removes what is listed, and
//! `delete_all_*` the rest. A getter of a part is a field of the entity. What a call does is told in the log under the
//! name in the last column, as one operation; one that changes nothing makes none, where ModelDB would still count the
//! version up. `reads` leaves the log alone, and `with` says which step brings what is missing.
//!
//! Left to a server: workspaces and permissions, camel-case JSON, answers like `status`.
//!
//! ## ProjectService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `createProject` | [`projects().create`](crate::ProjectsMut::create) | `project.create` |
//! | `getProjects` | [`projects().list`](crate::Projects::list), in another order [`projects().find`](crate::Projects::find) | reads |
//! | `getProjectById` | [`projects().get`](crate::Projects::get) | reads |
//! | `getProjectByName` | [`projects().get_by_name`](crate::Projects::get_by_name), [`get_by_name_in`](crate::Projects::get_by_name_in) | reads |
//! | `deleteProject` | [`projects().delete`](crate::ProjectsMut::delete) | `project.delete` |
//! | `updateProjectName` | [`projects().rename`](crate::ProjectsMut::rename) | `project.rename` |
//! | `updateProjectDescription` | [`projects().describe`](crate::ProjectsMut::describe) | `project.describe` |
//! | `addProjectTags` | [`projects().add_tags`](crate::ProjectsMut::add_tags) | `project.add_tags` |
//! | `getProjectTags` | [`projects().get`](crate::Projects::get), [`Project::tags`](crate::Project::tags) | reads |
//! | `deleteProjectTags` | [`projects().delete_tags`](crate::ProjectsMut::delete_tags), [`projects().delete_all_tags`](crate::ProjectsMut::delete_all_tags) | `project.delete_tags`, `project.delete_all_tags` |
//! | `addProjectTag` | [`projects().add_tags`](crate::ProjectsMut::add_tags) | `project.add_tags` |
//! | `deleteProjectTag` | [`projects().delete_tags`](crate::ProjectsMut::delete_tags) | `project.delete_tags` |
//! | `updateProjectAttributes` | [`projects().set_attributes`](crate::ProjectsMut::set_attributes) | `project.set_attributes` |
//! | `getProjectAttributes` | [`projects().get`](crate::Projects::get), [`Project::attributes`](crate::Project::attributes) | reads |
//! | `addProjectAttributes` | [`projects().log_attributes`](crate::ProjectsMut::log_attributes) | `project.log_attributes` |
//! | `deleteProjectAttributes` | [`projects().delete_attributes`](crate::ProjectsMut::delete_attributes), [`projects().delete_all_attributes`](crate::ProjectsMut::delete_all_attributes) | `project.delete_attributes`, `project.delete_all_attributes` |
//! | `logProjectCodeVersion` | [`projects().log_code_version`](crate::ProjectsMut::log_code_version) | `project.log_code_version` |
//! | `getProjectCodeVersion` | [`projects().get`](crate::Projects::get), [`Project::code_version_snapshot`](crate::Project::code_version_snapshot) | reads |
//! | `verifyConnection` | [`Store::read`](crate::Store::read): an open store answers | reads |
//! | `deepCopyProject` | [`projects().deep_copy`](crate::ProjectsMut::deep_copy) | `project.deep_copy` |
//! | `getSummary` | [`projects().summary`](crate::Projects::summary) | reads |
//! | `setProjectReadme` | [`projects().set_readme`](crate::ProjectsMut::set_readme) | `project.set_readme` |
//! | `getProjectReadme` | [`projects().get`](crate::Projects::get), [`Project::readme_text`](crate::Project::readme_text) | reads |
//! | `setProjectShortName` | [`projects().set_short_name`](crate::ProjectsMut::set_short_name) | `project.set_short_name` |
//! | `getProjectShortName` | [`projects().get`](crate::Projects::get), [`Project::short_name`](crate::Project::short_name) | reads |
//! | `getProjectDatasetCount` | [`projects().dataset_count`](crate::Projects::dataset_count) | reads |
//! | `getUrlForArtifact` | [`open_artifact`](crate::Snapshot::open_artifact), [`put_artifact`](crate::Store::put_artifact), [`begin_upload`](crate::Write::begin_upload) | `project.put_artifact`, `project.begin_upload` |
//! | `findProjects` | [`projects().find`](crate::Projects::find) | reads |
//! | `logArtifacts` | [`projects().log_artifacts`](crate::ProjectsMut::log_artifacts) | `project.log_artifacts` |
//! | `getArtifacts` | [`Project::artifacts`](crate::Project::artifacts), [`Project::artifact`](crate::Project::artifact) | reads |
//! | `deleteArtifact` | [`projects().delete_artifact`](crate::ProjectsMut::delete_artifact) | `project.delete_artifact` |
//! | `deleteProjects` | [`projects().delete_many`](crate::ProjectsMut::delete_many) | `project.delete_many` |
//!
//! ## ExperimentService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `createExperiment` | [`experiments().create`](crate::ExperimentsMut::create) | `experiment.create` |
//! | `updateExperimentNameOrDescription` | [`experiments().update`](crate::ExperimentsMut::update) | `experiment.update` |
//! | `updateExperimentName` | [`experiments().rename`](crate::ExperimentsMut::rename) | `experiment.rename` |
//! | `updateExperimentDescription` | [`experiments().describe`](crate::ExperimentsMut::describe) | `experiment.describe` |
//! | `addExperimentTags` | [`experiments().add_tags`](crate::ExperimentsMut::add_tags) | `experiment.add_tags` |
//! | `getExperimentTags` | [`experiments().get`](crate::Experiments::get), [`Experiment::tags`](crate::Experiment::tags) | reads |
//! | `deleteExperimentTags` | [`experiments().delete_tags`](crate::ExperimentsMut::delete_tags), [`experiments().delete_all_tags`](crate::ExperimentsMut::delete_all_tags) | `experiment.delete_tags`, `experiment.delete_all_tags` |
//! | `addExperimentTag` | [`experiments().add_tags`](crate::ExperimentsMut::add_tags) | `experiment.add_tags` |
//! | `deleteExperimentTag` | [`experiments().delete_tags`](crate::ExperimentsMut::delete_tags) | `experiment.delete_tags` |
//! | `addAttribute` | [`experiments().log_attributes`](crate::ExperimentsMut::log_attributes) | `experiment.log_attributes` |
//! | `addExperimentAttributes` | [`experiments().log_attributes`](crate::ExperimentsMut::log_attributes) | `experiment.log_attributes` |
//! | `getExperimentAttributes` | [`experiments().get`](crate::Experiments::get), [`Experiment::attributes`](crate::Experiment::attributes) | reads |
//! | `deleteExperimentAttributes` | [`experiments().delete_attributes`](crate::ExperimentsMut::delete_attributes), [`experiments().delete_all_attributes`](crate::ExperimentsMut::delete_all_attributes) | `experiment.delete_attributes`, `experiment.delete_all_attributes` |
//! | `logExperimentCodeVersion` | [`experiments().log_code_version`](crate::ExperimentsMut::log_code_version) | `experiment.log_code_version` |
//! | `getExperimentCodeVersion` | [`experiments().get`](crate::Experiments::get), [`Experiment::code_version_snapshot`](crate::Experiment::code_version_snapshot) | reads |
//! | `getExperimentsInProject` | [`experiments().list`](crate::Experiments::list), in another order [`experiments().find`](crate::Experiments::find) | reads |
//! | `getExperimentById` | [`experiments().get`](crate::Experiments::get) | reads |
//! | `getExperimentByName` | [`experiments().get_by_name`](crate::Experiments::get_by_name) | reads |
//! | `deleteExperiment` | [`experiments().delete`](crate::ExperimentsMut::delete) | `experiment.delete` |
//! | `getUrlForArtifact` | [`open_artifact`](crate::Snapshot::open_artifact), [`put_artifact`](crate::Store::put_artifact), [`begin_upload`](crate::Write::begin_upload) | `experiment.put_artifact`, `experiment.begin_upload` |
//! | `findExperiments` | [`experiments().find`](crate::Experiments::find) | reads |
//! | `logArtifacts` | [`experiments().log_artifacts`](crate::ExperimentsMut::log_artifacts) | `experiment.log_artifacts` |
//! | `getArtifacts` | [`Experiment::artifacts`](crate::Experiment::artifacts), [`Experiment::artifact`](crate::Experiment::artifact) | reads |
//! | `deleteArtifact` | [`experiments().delete_artifact`](crate::ExperimentsMut::delete_artifact) | `experiment.delete_artifact` |
//! | `deleteExperiments` | [`experiments().delete_many`](crate::ExperimentsMut::delete_many) | `experiment.delete_many` |
//!
//! ## ExperimentRunService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `createExperimentRun` | [`runs().create`](crate::RunsMut::create) | `run.create` |
//! | `deleteExperimentRun` | [`runs().delete`](crate::RunsMut::delete) | `run.delete` |
//! | `getExperimentRunsInProject` | [`runs().list_in_project`](crate::Runs::list_in_project), in another order [`runs().find`](crate::Runs::find) | reads |
//! | `getExperimentRunsInExperiment` | [`runs().list`](crate::Runs::list), in another order [`runs().find`](crate::Runs::find) | reads |
//! | `getExperimentRunById` | [`runs().get`](crate::Runs::get), [`view`](crate::Runs::view) | reads |
//! | `getExperimentRunByName` | [`runs().get_by_name`](crate::Runs::get_by_name) | reads |
//! | `updateExperimentRunName` | [`runs().rename`](crate::RunsMut::rename) | `run.rename` |
//! | `updateExperimentRunDescription` | [`runs().describe`](crate::RunsMut::describe) | `run.describe` |
//! | `addExperimentRunTags` | [`runs().add_tags`](crate::RunsMut::add_tags) | `run.add_tags` |
//! | `getExperimentRunTags` | [`runs().get`](crate::Runs::get), [`Run::tags`](crate::Run::tags) | reads |
//! | `deleteExperimentRunTags` | [`runs().delete_tags`](crate::RunsMut::delete_tags), [`runs().delete_all_tags`](crate::RunsMut::delete_all_tags) | `run.delete_tags`, `run.delete_all_tags` |
//! | `addExperimentRunTag` | [`runs().add_tags`](crate::RunsMut::add_tags) | `run.add_tags` |
//! | `deleteExperimentRunTag` | [`runs().delete_tags`](crate::RunsMut::delete_tags) | `run.delete_tags` |
//! | `logObservation` | [`runs().log_observation`](crate::RunsMut::log_observation) | `run.log_observations` |
//! | `logObservations` | [`runs().log_observations`](crate::RunsMut::log_observations) | `run.log_observations` |
//! | `getObservations` | [`runs().observations`](crate::Runs::observations) | reads |
//! | `logMetric` | [`runs().log_metric`](crate::RunsMut::log_metric) | `run.log_metrics` |
//! | `logMetrics` | [`runs().log_metrics`](crate::RunsMut::log_metrics) | `run.log_metrics` |
//! | `getMetrics` | [`runs().get`](crate::Runs::get), [`Run::metrics`](crate::Run::metrics) | reads |
//! | `logDataset` | [`runs().log_datasets`](crate::RunsMut::log_datasets), [`runs().set_datasets`](crate::RunsMut::set_datasets) | `run.log_datasets`, `run.set_datasets` |
//! | `logDatasets` | [`runs().log_datasets`](crate::RunsMut::log_datasets), [`runs().set_datasets`](crate::RunsMut::set_datasets) | `run.log_datasets`, `run.set_datasets` |
//! | `getDatasets` | [`Run::datasets`](crate::Run::datasets), [`Run::dataset`](crate::Run::dataset) | reads |
//! | `logHyperparameter` | [`runs().log_hyperparameter`](crate::RunsMut::log_hyperparameter) | `run.log_hyperparameters` |
//! | `logHyperparameters` | [`runs().log_hyperparameters`](crate::RunsMut::log_hyperparameters) | `run.log_hyperparameters` |
//! | `getHyperparameters` | [`runs().get`](crate::Runs::get), [`Run::hyperparameters`](crate::Run::hyperparameters) | reads |
//! | `logAttribute` | [`runs().log_attributes`](crate::RunsMut::log_attributes) | `run.log_attributes` |
//! | `logAttributes` | [`runs().log_attributes`](crate::RunsMut::log_attributes) | `run.log_attributes` |
//! | `getExperimentRunAttributes` | [`runs().get`](crate::Runs::get), [`Run::attributes`](crate::Run::attributes) | reads |
//! | `addExperimentRunAttributes` | [`runs().log_attributes`](crate::RunsMut::log_attributes) | `run.log_attributes` |
//! | `deleteExperimentRunAttributes` | [`runs().delete_attributes`](crate::RunsMut::delete_attributes), [`runs().delete_all_attributes`](crate::RunsMut::delete_all_attributes) | `run.delete_attributes`, `run.delete_all_attributes` |
//! | `logEnvironment` | [`runs().set_environment`](crate::RunsMut::set_environment) | `run.set_environment` |
//! | `logExperimentRunCodeVersion` | [`runs().log_code_version`](crate::RunsMut::log_code_version), [`runs().set_code_version`](crate::RunsMut::set_code_version) | `run.log_code_version`, `run.set_code_version` |
//! | `getExperimentRunCodeVersion` | [`runs().get`](crate::Runs::get), [`Run::code_version_snapshot`](crate::Run::code_version_snapshot) | reads |
//! | `logArtifact` | [`runs().log_artifacts`](crate::RunsMut::log_artifacts) | `run.log_artifacts` |
//! | `logArtifacts` | [`runs().log_artifacts`](crate::RunsMut::log_artifacts) | `run.log_artifacts` |
//! | `getArtifacts` | [`Run::artifacts`](crate::Run::artifacts), [`Run::artifact`](crate::Run::artifact) | reads |
//! | `deleteArtifact` | [`runs().delete_artifact`](crate::RunsMut::delete_artifact) | `run.delete_artifact` |
//! | `getUrlForArtifact` | [`open_artifact`](crate::Snapshot::open_artifact), [`put_artifact`](crate::Store::put_artifact), [`begin_upload`](crate::Write::begin_upload) | `run.put_artifact`, `run.begin_upload` |
//! | `commitArtifactPart` | [`commit_artifact_part`](crate::Write::commit_artifact_part) | `run.commit_artifact_part` |
//! | `getCommittedArtifactParts` | [`Run::artifact`](crate::Run::artifact), [`Artifact::upload`](crate::Artifact::upload) | reads |
//! | `commitMultipartArtifact` | [`complete_upload`](crate::Store::complete_upload) | `run.complete_upload` |
//! | `findExperimentRuns` | [`runs().find`](crate::Runs::find) | reads |
//! | `sortExperimentRuns` | [`runs().find`](crate::Runs::find), [`among`](crate::Find::among) and [`order_by`](crate::Find::order_by) | reads |
//! | `getTopExperimentRuns` | [`runs().find`](crate::Runs::find), [`top`](crate::Find::top) | reads |
//! | `logJobId` | [`runs().set_job_id`](crate::RunsMut::set_job_id) | `run.set_job_id` |
//! | `getJobId` | [`runs().get`](crate::Runs::get), [`Run::job_id`](crate::Run::job_id) | reads |
//! | `getChildrenExperimentRuns` | [`runs().children`](crate::Runs::children) | reads |
//! | `setParentExperimentRunId` | [`runs().set_parent`](crate::RunsMut::set_parent) | `run.set_parent` |
//! | `getExperimentRunsByDatasetVersionId` | [`runs().by_dataset_version`](crate::Runs::by_dataset_version) | reads |
//! | `deleteExperimentRuns` | [`runs().delete_many`](crate::RunsMut::delete_many) | `run.delete_many` |
//! | `logVersionedInput` | a commit that a run uses as input | with repositories |
//! | `getVersionedInputs` | [`Run::versioned_inputs`](crate::Run::versioned_inputs) | with repositories |
//! | `ListCommitExperimentRuns` | the runs that use a commit | with repositories |
//! | `ListBlobExperimentRuns` | the runs that use a blob of a commit | with repositories |
//! | `deleteObservations` | [`runs().delete_observations`](crate::RunsMut::delete_observations), [`runs().delete_all_observations`](crate::RunsMut::delete_all_observations) | `run.delete_observations`, `run.delete_all_observations` |
//! | `deleteMetrics` | [`runs().delete_metrics`](crate::RunsMut::delete_metrics), [`runs().delete_all_metrics`](crate::RunsMut::delete_all_metrics) | `run.delete_metrics`, `run.delete_all_metrics` |
//! | `deleteHyperparameters` | [`runs().delete_hyperparameters`](crate::RunsMut::delete_hyperparameters), [`runs().delete_all_hyperparameters`](crate::RunsMut::delete_all_hyperparameters) | `run.delete_hyperparameters`, `run.delete_all_hyperparameters` |
//! | `cloneExperimentRun` | [`runs().clone_run`](crate::RunsMut::clone_run) | `run.clone` |
//!
//! ## CommentService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `addExperimentRunComment` | [`comments().add`](crate::CommentsMut::add) | `comment.add` |
//! | `updateExperimentRunComment` | [`comments().update`](crate::CommentsMut::update) | `comment.update` |
//! | `getExperimentRunComments` | [`comments().list`](crate::Comments::list) | reads |
//! | `deleteExperimentRunComment` | [`comments().delete`](crate::CommentsMut::delete) | `comment.delete` |
//!
//! ## LineageService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `addLineage` | [`lineage().add`](crate::LineageMut::add) | `lineage.add` |
//! | `deleteLineage` | [`lineage().remove`](crate::LineageMut::remove) | `lineage.remove` |
//! | `findAllInputs` | [`lineage().inputs`](crate::Lineage::inputs) of each item | reads |
//! | `findAllOutputs` | [`lineage().outputs`](crate::Lineage::outputs) of each item | reads |
//! | `findAllInputsOutputs` | both of each item | reads |
//!
//! ## JobService
//!
//! | RPC | call | in the log |
//! |---|---|---|
//! | `createJob` | [`jobs().create`](crate::JobsMut::create) | `job.create` |
//! | `getJob` | [`jobs().get`](crate::Jobs::get) | reads |
//! | `updateJob` | [`jobs().update`](crate::JobsMut::update) | `job.update` |
//! | `deleteJob` | [`jobs().delete`](crate::JobsMut::delete) | `job.delete` |
//!
//! # Behaviour
//!
//! What ModelDB's services promise, with the test that holds it here, or the step that will.
//!
//! ## Common
//!
//! - [x] ids are given to projects, experiments, runs, comments and jobs: `api::names::other_ids_are_uuids_of_version_7`
//! - [x] a client's id is kept here; a server may ignore it: `api::names::a_given_id_is_taken_for_ever`
//! - [ ] decimal ids for datasets, SHA-256 ids for their versions: with datasets
//! - [x] a date of creation is the client's or now: `api::dates::a_given_date_of_creation_is_kept_verbatim`
//! - [x] the date of update never goes back: `api::dates::the_date_of_update_never_goes_backwards`
//! - [x] the version is 1, and grows with each operation: `api::dates::the_version_grows_by_one_with_each_operation_that_changes_something`
//! - [x] three random words for an empty name: `api::names::an_empty_name_becomes_three_random_words`
//! - [x] 256 characters of a name: `api::names::names_have_at_most_256_characters`
//! - [x] 1 to 40 characters of a tag: `api::tags::a_tag_has_1_to_40_characters`
//! - [x] tags are a sorted set: `api::tags::tags_are_a_sorted_set`
//! - [x] all kinds of values come back: `api::values::every_value_comes_back_from_every_container`
//! - [x] the declared type is echoed: `api::keys::declared_types_are_echoed`
//! - [x] a batch is logged whole, after checks in order: `api::keys::a_batch_is_logged_whole_or_not_at_all`
//! - [x] logging never replaces: `api::entries::logging_never_replaces_and_a_batch_is_whole`
//! - [x] keys are deleted by list or all at once: `api::entries::attributes_and_tags_are_deleted_on_each_kind`
//! - [x] lists are sorted by key: `api::keys::any_text_is_a_key_and_keys_are_sorted_by_bytes`
//! - [x] pages by number, with a total: `query::vectors::vector_7_pages_from_1_and_knows_the_total`
//! - [x] one code for each kind of error: `api::errors::every_kind_has_its_grpc_code`
//! - [ ] visibility derived and mapped back: with a server
//! - [x] owners: the text, a number or a group: `api::creation::every_field_comes_back`
//! - [x] names are unique in their workspace: `api::names::a_project_is_unique_in_its_workspace`
//! - [ ] answers of the identity service, and permissions: with a server
//!
//! ## Project
//!
//! - [x] create with every field: `api::creation::every_field_comes_back`
//! - [x] a unique name, free after a deletion: `api::names::a_project_is_unique_in_its_workspace`
//! - [x] the derived short name: `names::short_names_follow_the_vectors`
//! - [x] get by id and by name, list: `api::deletion::a_deleted_parent_hides_its_children_everywhere`
//! - [x] projects in another order: `query::orders::names_are_texts_and_dates_are_numbers`
//! - [x] rename and describe: `api::names::names_have_at_most_256_characters`
//! - [x] tags added and deleted: `api::entries::attributes_and_tags_are_deleted_on_each_kind`
//! - [x] attributes logged, set and deleted: `api::entries::setting_attributes_replaces_and_adds`
//! - [x] a code version once: `api::creation::code_is_logged_once_or_over_what_was_there`
//! - [x] the readme: `api::settings::a_readme_may_be_empty`
//! - [x] the short name, unique and of its form: `api::settings::a_short_name_is_set_within_the_rule_and_only_once`
//! - [x] the summary: `query::summary::a_summary_counts_what_is_alive`
//! - [x] the count of datasets: `query::summary::datasets_are_counted_by_what_is_linked_to`
//! - [x] artifacts logged and deleted: `api::artifacts::artifacts_are_logged_once_and_deleted_by_key`
//! - [x] bytes of artifacts: `artifacts::bytes_come_back_from_the_store_and_from_files`
//! - [x] find: `query::predicates::projects_and_experiments_are_searched_as_well`
//! - [x] deep copies: `api::copies::a_deep_copy_is_the_project_under_new_ids`
//! - [x] deletion, of one and of many: `api::restore::many_projects_are_deleted_or_none`
//!
//! ## Experiment
//!
//! - [x] create with every field: `api::creation::every_field_comes_back`
//! - [x] a unique name in the project: `api::names::experiments_and_runs_are_unique_in_their_parent`
//! - [x] name and description at once: `api::settings::an_experiment_is_renamed_and_described_at_once`
//! - [x] tags added and deleted: `api::entries::attributes_and_tags_are_deleted_on_each_kind`
//! - [x] attributes logged and deleted: `api::entries::setting_attributes_replaces_and_adds`
//! - [x] a code version once: `api::creation::code_is_logged_once_or_over_what_was_there`
//! - [x] get by id and by name, list: `api::deletion::a_deleted_parent_hides_its_children_everywhere`
//! - [x] find, and experiments in another order: `query::predicates::projects_and_experiments_are_searched_as_well`
//! - [x] artifacts logged and deleted: `api::artifacts::artifacts_are_logged_once_and_deleted_by_key`
//! - [x] bytes of artifacts: `artifacts::bytes_come_back_from_the_store_and_from_files`
//! - [x] deletion, unknown ids ignored: `api::restore::unknown_experiments_are_ignored`
//!
//! ## Run
//!
//! - [x] create with every field: `api::creation::every_field_comes_back`
//! - [x] a unique name in the experiment: `api::names::experiments_and_runs_are_unique_in_their_parent`
//! - [x] the date of update at creation: `api::settings::a_date_of_update_is_taken_unless_it_is_before_creation`
//! - [x] a link to an unknown version of a dataset is refused: `api::artifacts::datasets_are_logged_once_or_set`
//! - [ ] versioned inputs: with repositories
//! - [x] lists of a project and of an experiment: `api::paging::pages_of_a_project_equal_a_plain_list`
//! - [x] get by id and by name: `api::names::of_runs_with_one_name_the_last_updated_is_meant`
//! - [x] a blank new name is refused: `api::names::an_empty_name_becomes_three_random_words`
//! - [x] tags added and deleted: `api::entries::attributes_and_tags_are_deleted_on_each_kind`
//! - [x] observations logged, read and deleted: `series::epochs_are_assigned_as_in_modeldb`
//! - [x] metrics, hyperparameters and attributes logged: `api::entries::logging_never_replaces_and_a_batch_is_whole`
//! - [x] metrics and hyperparameters deleted: `api::entries::metrics_and_hyperparameters_are_deleted`
//! - [x] datasets logged or set: `api::artifacts::datasets_are_logged_once_or_set`
//! - [ ] links to versions of datasets, vanished ones left out: with datasets
//! - [x] artifacts logged and deleted: `api::artifacts::artifacts_are_logged_once_and_deleted_by_key`
//! - [x] the layout of generated paths: `api::artifacts::an_empty_path_becomes_that_of_the_layout`
//! - [x] bytes of artifacts: `artifacts::bytes_come_back_from_the_store_and_from_files`
//! - [x] uploads in parts: `artifacts::uploads_are_put_together_from_parts`
//! - [x] the environment, its requirements sorted: `api::creation::the_other_environments_come_back`
//! - [x] environments derived from artifacts: `artifacts::environments_are_read_off_artifacts`
//! - [x] a code version once, or set: `api::creation::code_is_logged_once_or_over_what_was_there`
//! - [ ] hyperparameters and code of versioned inputs: with repositories
//! - [x] find: `query::random::random_searches_answer_what_a_plain_program_does`
//! - [x] sort: `query::vectors::vector_5_sorts_by_number_with_the_missing_smallest`
//! - [x] the best of many: `query::vectors::vector_20_top_is_the_first_page`
//! - [x] children, and the runs of a dataset's version: `query::find::children_and_users_of_a_dataset_version`
//! - [x] the job: `api::settings::a_job_is_set_and_replaced`
//! - [x] the parent, without circles: `api::settings::a_parent_must_be_there_and_not_a_part_of_the_run`
//! - [x] clones: `api::copies::a_clone_is_the_run_again_at_another_time`
//! - [x] deletion, `NotFound` if none is there: `api::restore::runs_are_missed_only_if_all_are_missing`
//!
//! ## Comment, lineage, job
//!
//! - [x] comments added, rewritten, deleted, in order of time: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] deleting a comment that is not there is no error: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] lineage added, each pair once: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] lineage removed: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] inputs and outputs, the direct ones: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] jobs created, updated, deleted: `model::around::what_stands_around_runs_matches_the_model`
//! - [x] a job has a start time; an update sets both fields: `model::around::what_stands_around_runs_matches_the_model`
//!
//! ## Find and sort
//!
//! - [x] scope, ids and predicates together: `query::find::scopes_narrow_and_combine`
//! - [x] the keys of each kind, all others refused: `query::predicates::each_kind_has_its_keys`
//! - [x] observations, artifacts, datasets, jobs and versioned inputs by key: `query::fields::one_observation_of_many_is_enough`
//! - [ ] hyperparameters of versioned inputs: with repositories
//! - [x] numbers, and strings that read as such: `query::predicates::numbers_compare_by_value_and_meet_strings_that_read_as_numbers`
//! - [x] strings: `query::predicates::strings_compare_plainly_and_by_code_point`
//! - [x] parts of texts, literally and in any case: `query::predicates::contain_is_literal_and_in_any_case`
//! - [x] lists: `query::predicates::in_takes_a_list_for_every_key`
//! - [x] negations match what lacks the key: `query::vectors::vector_6_negates_over_entities`
//! - [x] truth values: `query::predicates::truth_values_are_equal_or_not`
//! - [x] structs, null and the empty string refused: `query::predicates::operands_that_nothing_compares_with_are_refused`
//! - [x] ids alone: `query::find::ids_limits_and_iterations_agree_with_pages`
//! - [x] the last change first: `query::orders::modeldbs_default_is_the_last_change_first`
//! - [x] mixed kinds, and the missing smallest: `query::orders::mixed_kinds_have_an_order_and_nan_and_missing_a_place`
//! - [x] ties, newest first instead of by id: `query::orders::ties_are_newest_first_in_both_directions`
//! - [x] unknown sort keys refused: `query::orders::keys_that_nothing_is_sorted_by_are_refused`
//! - [x] pages by number, with the total: `query::vectors::vector_7_pages_from_1_and_knows_the_total`
//! - [x] what is deleted, or under it, left out: `query::find::what_is_deleted_or_under_it_is_not_found`
//!
//! ## Deletion
//!
//! - [x] hidden at once, with all that is under it: `api::deletion::a_deleted_parent_hides_its_children_everywhere`
//! - [x] the name is free: `api::names::experiments_and_runs_are_unique_in_their_parent`
//! - [x] taken back (ModelDB has no such call): `api::restore::what_was_not_deleted_itself_comes_back_with_its_parent`
//! - [x] purged with all that is under it: `purge::erased::a_purged_project_is_gone_and_the_log_is_whole`
//! - [x] the dates of parents follow: `api::dates::parents_are_as_new_as_what_is_under_them`
