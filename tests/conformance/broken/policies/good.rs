//! Nothing is wrong with this one: all the others are made of it.
//! fails: nothing

use broken::{Fault, export};

pub struct Broken;

impl Fault for Broken {}

export!(Broken);
