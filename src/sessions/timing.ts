/** How often a holder makes sure that its socket is still there. */
export const holderIntervalMs = 5_000

/** A lease that was absent for no longer is not lost. */
export const longestAbsenceMs = 3 * holderIntervalMs

/** After a directory was replaced, each holder needs an interval to make its socket again. */
export const settlingMs = 6 * holderIntervalMs

/** A holder that is stopped or busy does not answer in time. */
export const answerMs = 2_000
