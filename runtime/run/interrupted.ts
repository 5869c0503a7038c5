/** The user asked to stop; what was done so far is kept. */
export class Interrupted extends Error {}
