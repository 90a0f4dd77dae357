//! Verifying what is derived: whatever is wrong with it, nothing is lost.

use super::report::{Remedy, Verified, VerifySection};
use super::verify::{contained, is_damage};
use crate::entity::state::State;
use crate::error::{Error, Result};
use crate::filter::{FieldBlock, FieldKey};
use crate::progress::Steps;

pub(super) fn section(state: &State, steps: &mut Steps<'_>) -> Result<VerifySection> {
    let mut section = VerifySection::new(Verified::Derived);
    contained(&mut section, steps, |section, steps| blocks(state, section, steps))?;
    if let Some(why) = state.common.text.failure() {
        section.find("folder text", format!("the text index could not be made: {why}"), Remedy::Rebuild);
    }
    Ok(section)
}

/// The blocks of the filter index, field by field. Those that are damaged are made anew.
fn blocks(state: &State, section: &mut VerifySection, steps: &mut Steps<'_>) -> Result<()> {
    let tables = &state.tables;
    steps.begin("verifying the filter index", 0)?;
    tables.verify_blocks(&mut |number, block| {
        section.checked += 1;
        let block = match block {
            Ok(block) => block,
            Err(error) if is_damage(&error) => {
                // One that is not known is not missed: it is made again when it is due.
                section.damaged(format!("filter index, block {number}"), &error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (space, code) in block.codes() {
            section.checked += 1;
            steps.add(1)?;
            let key = FieldKey { space: *space, code: *code };
            let field = tables.filter_field(&block, (*space, *code));
            let field = field.and_then(|bytes| match bytes {
                Some(bytes) => FieldBlock::decode(key, &bytes).map(drop),
                None => Err(Error::corrupt("it is missing")),
            });
            match field {
                Ok(()) => {}
                Err(error) if is_damage(&error) => {
                    let place = format!("filter index, block {number}, field {space}/{code}");
                    section.damaged(place, &error);
                    state.common.filter.damage(number);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}
