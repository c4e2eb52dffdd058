//! The calls of MPI that the safe bindings do not have, one function each.

use std::ffi::{c_char, c_int};

use mpi::ffi;

/// Returns the text of an error code; zero is none.
pub(crate) fn checked(code: c_int) -> Result<(), String> {
    if code == ffi::MPI_SUCCESS as c_int {
        return Ok(());
    }
    let mut text = vec![0_u8; ffi::MPI_MAX_ERROR_STRING as usize];
    let mut length = 0;
    // SAFETY: the buffer has the length that MPI asks for, and both pointers outlive the call.
    let told =
        unsafe { ffi::MPI_Error_string(code, text.as_mut_ptr().cast::<c_char>(), &raw mut length) };
    if told != ffi::MPI_SUCCESS as c_int {
        return Err(format!("error {code}"));
    }
    text.truncate(usize::try_from(length).unwrap_or_default());
    Err(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Lets errors on a communicator come back as codes.
pub(crate) fn return_errors(on: ffi::MPI_Comm) -> Result<(), String> {
    // SAFETY: the communicator is alive, and the handler is one of MPI's own.
    checked(unsafe { ffi::MPI_Comm_set_errhandler(on, ffi::RSMPI_ERRORS_RETURN) })
}

pub(crate) fn is_initialized() -> bool {
    let mut flag = 0;
    // SAFETY: may be called at any time.
    unsafe { ffi::MPI_Initialized(&raw mut flag) };
    flag != 0
}

pub(crate) fn is_finalized() -> bool {
    let mut flag = 0;
    // SAFETY: may be called at any time.
    unsafe { ffi::MPI_Finalized(&raw mut flag) };
    flag != 0
}

pub(crate) fn sum() -> ffi::MPI_Op {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_SUM }
}

pub(crate) fn max() -> ffi::MPI_Op {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_MAX }
}

/// Begins to gather `own`, of `count` bytes, into `all`, which has as many for each rank.
///
/// # Safety
///
/// Both have these lengths, and stay where they are until the request is complete.
pub(crate) unsafe fn all_gather(
    own: &[u8],
    all: &mut [u8],
    count: c_int,
    on: ffi::MPI_Comm,
    request: &mut ffi::MPI_Request,
) -> c_int {
    // SAFETY: the caller promises lengths and places.
    unsafe {
        ffi::MPI_Iallgather(
            own.as_ptr().cast(),
            count,
            ffi::RSMPI_UINT8_T,
            all.as_mut_ptr().cast(),
            count,
            ffi::RSMPI_UINT8_T,
            on,
            request,
        )
    }
}

/// Begins to reduce `own` into `all`, both of `count` numbers.
///
/// # Safety
///
/// Both have this length, and stay where they are until the request is complete.
pub(crate) unsafe fn all_reduce(
    own: &[i64],
    all: &mut [i64],
    count: c_int,
    by: ffi::MPI_Op,
    on: ffi::MPI_Comm,
    request: &mut ffi::MPI_Request,
) -> c_int {
    // SAFETY: the caller promises lengths and places.
    unsafe {
        ffi::MPI_Iallreduce(
            own.as_ptr().cast(),
            all.as_mut_ptr().cast(),
            count,
            ffi::RSMPI_INT64_T,
            by,
            on,
            request,
        )
    }
}

/// Asks whether a request is complete, and drives the library on.
pub(crate) fn test(request: &mut ffi::MPI_Request) -> Result<bool, String> {
    let mut flag = 0;
    // SAFETY: the request was begun by one of the calls above, and no status is asked for.
    checked(unsafe { ffi::MPI_Test(request, &raw mut flag, ffi::RSMPI_STATUS_IGNORE) })?;
    Ok(flag != 0)
}

/// Returns a request that nothing was begun with.
pub(crate) fn no_request() -> ffi::MPI_Request {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_REQUEST_NULL }
}
