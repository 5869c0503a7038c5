/** What a stage takes of the device's memory, beside what it may. */

/** A stage takes more device memory than allowed, however it is planned. */
export class DoesNotFit extends Error {
  constructor(
    readonly stage: string,
    /** The least that a plan was found for, in bytes. */
    readonly needed: number,
    readonly allowed: number,
    /** Why its model cannot go through layer by layer; null where it does, or is trained. */
    readonly whole: string | null = null,
  ) {
    super(`${stage} takes ${needed} bytes of device memory at once, ${allowed} are allowed`);
  }
}
