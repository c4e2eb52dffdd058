//! Exact reductions over the numbers of all ranks.
