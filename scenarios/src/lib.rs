//! The catalogue of cases lives beside this crate, one YAML file a case.
