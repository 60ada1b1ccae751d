const mebibyte = 1024 * 1024

/**
 * An entry of a listing. Most have 1 to 3 kB. The largest that are known of carry the annotations of a Kubernetes object as
 * labels, which Kubernetes limits to 256 KiB. Parsing so much takes some milliseconds.
 */
export const longestEntryBytes = mebibyte

/** How deep arrays and objects are nested. Engines nest entries and inspections up to 7 deep; parsing takes longest where they are deep. */
export const deepestNesting = 32

/** A whole listing: 50,000 containers with labels of 2 kB. As much is kept of it until the next one. */
export const longestListingBytes = 128 * mebibyte

/** Entries of a listing. A summary takes some hundred bytes of heap even where its entry is tiny. */
export const mostEntries = 100_000

/** What is parsed of one response other than a listing. It is enough for the inspection of each container whose entry can be read. */
export const longestParsedBytes = 2 * mebibyte
