//! Things that happen without a client's doing.

use chat_proto::time::Now;

use super::Hub;
use crate::c2c::script::{Script, ScriptError, perform};
use crate::journal::Requester;
use crate::world::{Faults, WorldError};

impl Hub {
    /// Lets something happen on an order of the C2C service. Gives the id of the message, where
    /// there is one; of two, the second.
    ///
    /// # Errors
    ///
    /// See [`ScriptError`]; nothing has happened then.
    pub fn c2c_script(
        &mut self,
        order_no: &str,
        script: Script,
        now: Now,
    ) -> Result<Option<i64>, ScriptError> {
        self.advance(now);
        let (result, fx) =
            self.run(|services, cx| perform(&mut services.c2c, cx, order_no, script));
        self.settle(fx, Requester::Nobody);
        result
    }

    /// What goes wrong on purpose.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        self.services.c2c.faults()
    }

    /// Sets what goes wrong on purpose from now on; what was under way goes on as it began.
    ///
    /// # Errors
    ///
    /// A switch has a value that cannot be; nothing is changed then.
    pub fn set_faults(&mut self, faults: Faults, now: Now) -> Result<(), WorldError> {
        faults.validate()?;
        self.advance(now);
        self.core.accounts.pbx_available = !faults.pbx_unavailable;
        let ((), fx) = self.run(|services, cx| services.c2c.set_faults(cx, faults));
        self.settle(fx, Requester::Nobody);
        Ok(())
    }
}
