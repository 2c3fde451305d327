//! An operation from end to end: observe, plan, carry out.

use anyhow::Result;

use super::control::Control;
use super::model::Operation;
use super::plan::{Ids, Plan};
use super::start::Earlier;
use super::subject::Subject;
use super::submit::Submit;
use super::{cancel, rescale, scale, stop, submit, take, upgrade};
use crate::history::operated::Operated;

impl Control<'_> {
    /// Does an operation, on the job that is meant or on the only one.
    pub async fn perform(&self, operation: &Operation, job: Option<&str>) -> Result<Operated> {
        let ids = Ids::fresh();
        let mut plan = self.plan(operation, job, &ids).await?;
        if let Some(jar) = plan.jar()
            && let Earlier::OnItsWay(earlier) = self.earlier(plan.starts.as_deref(), jar).await?
        {
            plan = self.plan(operation, job, &Ids { job: earlier, ..ids }).await?;
        }
        let done = self.execute(&plan).await?;
        // A detached job is not waited for. Where its state was stays noted until it is seen to run.
        if let (Operation::Submit(Submit { detached: true, .. }), Some(id)) = (operation, &done.job) {
            self.marks(plan.starts.as_deref()).accepted(id).await?;
        }
        Ok(done)
    }

    /// Asks Flink and the platform what an operation depends on, changes nothing, and says what will be done.
    ///
    /// # Errors
    /// What cannot be done, and why; a stack that does not answer.
    pub async fn plan(&self, operation: &Operation, job: Option<&str>, ids: &Ids) -> Result<Plan> {
        match operation {
            Operation::Savepoint => take::plan(&Subject::observe(self, job).await?, ids),
            Operation::Dispose { path } => Ok(take::dispose(path)),
            Operation::Stop { drain } => stop::plan(&Subject::observe(self, job).await?, *drain, ids),
            Operation::Cancel => cancel::plan(&Subject::observe(self, job).await?),
            Operation::Submit(what) => {
                let observed = submit::Observed::observe(self, what).await?;
                submit::plan(what, &observed, ids, self.workload())
            }
            Operation::Upgrade(to) => {
                let observed = upgrade::Observed::observe(self, to, job).await?;
                upgrade::plan(to, &observed, ids)
            }
            Operation::Scale { taskmanagers, force } => {
                scale::plan(*taskmanagers, *force, &scale::Observed::observe(self).await?)
            }
            Operation::Rescale { parallelism, scale } => {
                rescale::plan(*parallelism, *scale, self.via(), &rescale::Observed::observe(self, job).await?)
            }
        }
    }
}
