//! Carries the exchanges of a host over MPI.
