//! Samplers for those who ask them, and questions for samplers.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::component::{
    AskedTraces, Label, Query, Question, Questions, Sampler, Verdict, Verdicts,
};

/// Where the questions of one component come in.
pub struct Desk(mpsc::Receiver<Question>);

/// A way to ask, and a test in the place of the sampler.
pub fn verdicts() -> (Verdicts, Desk) {
    let (questions, mut asked) = Questions::channels(1);
    let asked = asked.remove(0);
    (Verdicts::new(questions, &only(&label())), Desk(asked))
}

/// Asks the sampler of this label about traces.
pub fn ask_about(label: &Label, ids: &[[u8; 16]]) -> Query {
    let asked = AskedTraces::new(ids.to_vec(), &only(label));
    Query::Verdicts(Arc::new(asked))
}

impl Desk {
    /// Answers all that has been asked, and says for which traces, in order.
    pub fn answer(&mut self, verdict: impl Fn(&[u8; 16]) -> Verdict) -> Vec<[u8; 16]> {
        let mut all = Vec::new();
        while let Ok(question) = self.0.try_recv() {
            let Query::Verdicts(asked) = &question.query else {
                panic!("{question:?}");
            };
            let answer = asked.answer(&label(), |id| {
                all.push(*id);
                verdict(id)
            });
            question.answer(std::iter::once(answer));
        }
        all.sort_unstable();
        all
    }
}

fn label() -> Label {
    Label {
        kind: ledger::Kind::Processor,
        id: "sampler".to_owned(),
        signal: None,
        pipeline: Some("traces".to_owned()),
    }
}

fn only(label: &Label) -> Arc<[Sampler]> {
    Arc::new([Sampler {
        pipeline: label.pipeline.clone().unwrap_or_default(),
        id: label.id.clone(),
        is_last: true,
    }])
}
