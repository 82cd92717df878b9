//! CEL rules, evaluated with the functions that Kubernetes adds and our rules use.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, ExecutionError, Program, extractors::This, objects::Map};
use regex_lite::Regex;
use serde_json::Value;

use crate::spec::Quantity;

/// One entry of `x-kubernetes-validations`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) message: String,
    /// Where the message belongs, below the node that has the rule: `.replicas`.
    pub(super) field: Option<String>,
    /// The rule is about a change and speaks of `oldSelf`.
    pub(super) transition: bool,
    program: Result<Program, String>,
}

impl Rule {
    pub(super) fn compile(json: &Value) -> Self {
        let text = json["rule"].as_str().unwrap_or_default();
        Self {
            message: json["message"].as_str().unwrap_or(text).to_owned(),
            field: json["fieldPath"]
                .as_str()
                .map(|p| p.trim_start_matches('.').to_owned()),
            transition: text.contains("oldSelf"),
            program: Program::compile(text).map_err(|e| e.to_string()),
        }
    }

    /// True if the rule holds.
    ///
    /// # Errors
    /// The rule could not be evaluated, in the evaluator's words; an API server refuses such an object too.
    pub(super) fn holds(&self, scope: &mut Scope, this: &Value, old: Option<&Value>) -> Result<bool, String> {
        let program = self.program.as_ref().map_err(Clone::clone)?;
        scope.0.add_variable_from_value("self", cel_value(this));
        if let Some(old) = old {
            scope.0.add_variable_from_value("oldSelf", cel_value(old));
        }
        match program.execute(&scope.0) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("the rule gave {other:?} instead of true or false")),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// The variables and functions that rules see.
pub(super) struct Scope(Context<'static, 'static>);

impl Scope {
    pub(super) fn new() -> Self {
        static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
        let mut context = Context::with_env(Arc::clone(&ENV));
        // A name that the library declares one day is refused here, and then it is the library's own that serves.
        let _ = context.add_function("matches", matches);
        let _ = context.add_function("lowerAscii", lower_ascii);
        let _ = context.add_function("quantity", quantity);
        let _ = context.add_function("compareTo", compare_to);
        Self(context)
    }
}

fn matches(This(text): This<Arc<String>>, pattern: Arc<String>) -> Result<bool, ExecutionError> {
    match Regex::new(&pattern) {
        Ok(regex) => Ok(regex.is_match(&text)),
        Err(e) => Err(ExecutionError::function_error("matches", e)),
    }
}

fn lower_ascii(This(text): This<Arc<String>>) -> String {
    text.to_ascii_lowercase()
}

/// Kubernetes has a type for quantities; whole bytes do here, since rules only compare them.
fn quantity(text: Arc<String>) -> Result<i64, ExecutionError> {
    let quantity: Quantity = text
        .parse()
        .map_err(|e| ExecutionError::function_error("quantity", e))?;
    Ok(i64::try_from(quantity.bytes()).unwrap_or(i64::MAX))
}

fn compare_to(This(one): This<i64>, other: i64) -> i64 {
    match one.cmp(&other) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}

fn cel_value(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => n.as_i64().map_or_else(
            || cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            cel::Value::Int,
        ),
        Value::String(s) => cel::Value::String(Arc::new(s.clone())),
        Value::Array(list) => cel::Value::List(Arc::new(list.iter().map(cel_value).collect())),
        Value::Object(map) => {
            let map: HashMap<_, _> = map
                .iter()
                .map(|(k, v)| (k.clone().into(), cel_value(v)))
                .collect();
            cel::Value::Map(Map { map: Arc::new(map) })
        }
    }
}
