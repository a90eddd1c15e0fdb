/** Batches are applied by their number: those of a part stand together, in the order of the parts. */
export const BATCHES_A_PART = 2 ** 20;
/** Until the commit, the index of a rejected record counts within its part; the part stands above these bits. */
export const PART_BITS = 32;
